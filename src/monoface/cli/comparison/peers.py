"""Other programs that turn a photo into a face, to compare with: what is installed, on the user's files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8

from monoface.core.errors import ConfigError
from monoface.detection.blazeface import SHORT_RANGE, anchor_centres, decode
from monoface.detection.crops import check_rgb
from monoface.detection.landmarker import FaceLandmarker, LandmarkedFace, TaskNetwork, networks_of
from monoface.detection.windows import whole_picture
from monoface.photos.loaded import LoadedImage

PeerName = Literal["landmarker", "mediapipe"]
"""What can be compared with."""

Peer = Callable[[UInt8[np.ndarray, "height width 3"]], object]
"""Finds a face in a photo; gives None if it sees none."""

_DETECTOR = "face_detector.tflite"


def load_peers(names: Sequence[PeerName], task: Path | None, threads: int) -> dict[str, Peer]:
    """Programs to compare with, by what results call them.

    Args:
        names: Which.
        task: Google's face_landmarker.task.
        threads: Of one run.

    Raises:
        ConfigError: If the file is not given, or a program is not installed.
        ModelFileError: If it is another file.
    """
    if task is None:
        raise ConfigError("--against: expected --landmarker FILE, too: Google's face_landmarker.task.")
    load = {"landmarker": _landmarker, "mediapipe": _mediapipe}
    return dict(load[name](task, threads) for name in dict.fromkeys(names))


class ThreeNetworks:
    """The detector, the mesh and the blendshapes of a face landmarker, one run of each.

    Args:
        task: The file.
        threads: Of one run.
    """

    def __init__(self, task: Path, threads: int) -> None:
        side = SHORT_RANGE.size_px
        (content,) = networks_of(task, (_DETECTOR,))
        self._detect = TaskNetwork(task, content, threads, ((1, side, side, 3),))
        self._mark = FaceLandmarker(task, passes=1, threads=threads)
        self._centres = anchor_centres(SHORT_RANGE)

    def __call__(self, image: UInt8[np.ndarray, "height width 3"]) -> LandmarkedFace | None:
        """The surest face of a photo, or None if the best candidate is less sure than not.

        It is looked for in the photo's overview, as monoface does, so that large photos cost hardly more.
        """
        check_rgb(image)
        photo = LoadedImage(image, "array", image.shape[1::-1], 1.0).overview
        side, crop = SHORT_RANGE.size_px, whole_picture(photo.size_px, 1.0)
        pixels = crop.sample(photo.image_srgb, side).astype(np.float32)[None] / np.float32(
            127.5
        ) - np.float32(1)
        raw, logits = self._detect(pixels)
        best = slice(int(logits.argmax()), int(logits.argmax()) + 1)
        face = decode(raw[0, best], logits[0, best, 0], self._centres[best]).in_photo(crop, side)
        return self._mark(photo.image_srgb, face.box[0]) if face.score[0] >= 0.5 else None


def _landmarker(task: Path, threads: int) -> tuple[str, Peer]:
    return "face landmarker, its three networks", ThreeNetworks(task, threads)


def _mediapipe(task: Path, _: int) -> tuple[str, Peer]:
    try:
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision
    except ImportError as error:
        raise ConfigError(
            "--against mediapipe: expected the package mediapipe, found none. Install it, or leave it out."
        ) from error
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(task)),
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    landmarker = vision.FaceLandmarker.create_from_options(options)

    def run(image: UInt8[np.ndarray, "height width 3"]) -> Any:
        photo = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image)
        found = landmarker.detect(photo)
        return found if found.face_landmarks else None

    return f"MediaPipe {mediapipe.__version__}", run
