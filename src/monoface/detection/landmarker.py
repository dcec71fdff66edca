"""The face landmarker of the user's own file: a mesh of 478 points with irises, and 52 blendshapes.

The file is Google's `face_landmarker.task`, an archive of networks that `ai-edge-litert` runs. It is for
making
labels: nothing of it ships. Crops are squares of 1.5 times the mesh's extent with the eyes level, each pass
from the mesh of the one before.

Reference:
    The documentation of MediaPipe's Face Landmarker and its model cards (Face Mesh V2, Blendshape V2).
"""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, UInt8

from monoface.core.errors import ConfigError, ModelFileError
from monoface.detection.crops import SquareCrop, direction_rad, photo_from_array
from monoface.detection.facemesh import MESH_CROP_SCALE
from monoface.detection.sessions import logit_to_probability

LANDMARKER_POINTS = 478
"""The 468 points of the face mesh, and five for each iris, its centre first: 468 for the subject's right
eye."""

_RIGHT_EYE, _LEFT_EYE = 33, 263
_MARKS, _BLENDSHAPES = "face_landmarks_detector.tflite", "face_blendshapes.tflite"
_SIDE_PX = 256
_LARGEST_BYTES = 2**26
_BLENDSHAPE_POINTS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67,
    70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146,
    148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181,
    185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293,
    295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361,
    362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398,
    400, 402, 405, 409, 415, 454, 466,
    *range(468, 478),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class LandmarkedFace:
    """What the landmarker sees of one face.

    Attributes:
        points_px: Its points in pixels of the photo, and their depth in the same scale, growing away from the
            camera.
        score: Probability that there is a face.
        blendshapes: `_neutral`, then ARKit's weights in the order of their names, without tongueOut.
    """

    points_px: Float32[np.ndarray, "478 3"]
    score: float
    blendshapes: Float32[np.ndarray, " 52"]


class FaceLandmarker:
    """Marks faces with the networks of a `face_landmarker.task` file.

    Args:
        path: The file.
        passes: Times the mesh network runs on each face.
        threads: Of one run.

    Raises:
        ConfigError: If `ai-edge-litert` is not installed.
        ModelFileError: If the file is missing, damaged, or another one.
    """

    def __init__(self, path: Path, *, passes: int = 3, threads: int = 1) -> None:
        if passes < 1:
            raise ConfigError(f"passes: expected a positive number, got {passes}.")
        self._passes = passes
        marks, blendshapes = networks_of(path, (_MARKS, _BLENDSHAPES))
        self._marks = TaskNetwork(path, marks, threads, ((1, _SIDE_PX, _SIDE_PX, 3),))
        self._blendshapes = TaskNetwork(path, blendshapes, threads, ((1, len(_BLENDSHAPE_POINTS), 2),))

    def __call__(
        self, image: UInt8[np.ndarray, "height width 3"], box: Float[np.ndarray, " 4"]
    ) -> LandmarkedFace:
        """Mark one face.

        Args:
            image: The photo.
            box: Of the face, roughly: left, top, right and bottom in pixels.

        Raises:
            ImageError: If the image is not 8-bit RGB.
        """
        photo = photo_from_array(image)
        crop = SquareCrop.from_box(box, MESH_CROP_SCALE)
        for _ in range(self._passes):
            pixels = crop.sample(photo, _SIDE_PX).astype(np.float32)[None] / np.float32(255)
            points, logit = self._marks(pixels)[:2]
            points_px = crop.to_photo(points.reshape(LANDMARKER_POINTS, 3), _SIDE_PX)
            roll_rad = direction_rad(points_px[_RIGHT_EYE, :2], points_px[_LEFT_EYE, :2])
            crop = SquareCrop.around_points(points_px[:, :2], MESH_CROP_SCALE, roll_rad)
        chosen = points_px[list(_BLENDSHAPE_POINTS), :2].astype(np.float32)
        weights = self._blendshapes(chosen[None])[0]
        score = float(logit_to_probability(logit.ravel()[:1])[0])
        return LandmarkedFace(points_px.astype(np.float32), score, weights.ravel().astype(np.float32))


class TaskNetwork:
    """One network of the file, run by its own interpreter.

    Args:
        path: What messages call the file.
        content: The network.
        threads: Of one run.
        shapes: What its inputs must be.

    Raises:
        ConfigError: If `ai-edge-litert` is not installed.
        ModelFileError: If it is no network, or another one.
    """

    def __init__(self, path: Path, content: bytes, threads: int, shapes: tuple[tuple[int, ...], ...]) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ConfigError(
                "face landmarker: expected the package ai-edge-litert, found none. Install "
                "'monoface[labels]', or leave the landmarker out."
            ) from error
        try:
            self._interpreter: Any = Interpreter(model_content=content, num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"{path}: expected networks for TensorFlow Lite, cannot read them ({error})."
            ) from error
        inputs = self._interpreter.get_input_details()
        found = tuple(tuple(int(side) for side in one["shape"]) for one in inputs)
        if found != shapes:
            raise ModelFileError(
                f"{path}: expected networks with inputs of the shapes {shapes}, got {found}. Fetch Google's "
                "face_landmarker.task."
            )
        self._input = inputs[0]["index"]
        self._outputs = [one["index"] for one in self._interpreter.get_output_details()]

    def __call__(self, values: Float32[np.ndarray, "..."]) -> list[np.ndarray]:
        """Outputs of one run."""
        self._interpreter.set_tensor(self._input, values)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index).copy() for index in self._outputs]


def networks_of(path: Path, names: Sequence[str]) -> list[bytes]:
    """Networks of a `face_landmarker.task` file, as they are named in it.

    Raises:
        ModelFileError: If the file is missing, damaged, or another one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                if archive.getinfo(name).file_size > _LARGEST_BYTES:
                    raise ModelFileError(f"{path}: expected small networks, {name} is larger than 64 MiB.")
            return [archive.read(name) for name in names]
    # RuntimeError: encrypted, or compressed in a way that zipfile cannot undo.
    except (OSError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelFileError(
            f"{path}: expected an archive with {' and '.join(names)}, got: {error}. Fetch Google's "
            "face_landmarker.task."
        ) from error
