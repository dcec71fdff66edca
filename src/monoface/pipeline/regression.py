"""From square crops to posed faces: a trained regressor and the calibration of its confidence."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.core.assets import asset_names, asset_path, sha256_of
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.sessions import open_session
from monoface.facemodel import CoefficientLayout, FaceCoefficients, PointBasis
from monoface.facemodel.mirroring import CoefficientMirror
from monoface.geometry.cameras import AnyCamera, transform_points
from monoface.networks import (
    Regressed,
    Regressor,
    RegressorInfo,
    fold_batch_norm,
    load_regressor,
    with_landmark_map,
)
from monoface.networks.onnx_form import regressor_to_onnx

_SUFFIX = ".safetensors"
_NO_REGRESSORS = ("detail", "face_model", "parsing", "recognition")
_Network = Callable[[Tensor], Regressed]


@dataclass(frozen=True)
class FoundPoints:
    """Points of faces as a network found them in the picture, whatever its coefficients say.

    Attributes:
        place_px: In pixels of the picture that the camera belongs to.
        sigma_px: Standard deviation along each axis that the network expects.
    """

    place_px: Float[Tensor, "batch points 2"]
    sigma_px: Float[Tensor, "batch points"]

    def __getitem__(self, rows: slice) -> "FoundPoints":
        return FoundPoints(self.place_px[rows], self.sigma_px[rows])

    def uncropped(self, corner_px: Float[Tensor, "batch 2"], zoom: Float[Tensor, " batch"]) -> "FoundPoints":
        """The same in the photo that crops were cut from."""
        place_px = self.place_px / zoom[:, None, None] + corner_px[:, None]
        return FoundPoints(place_px, self.sigma_px / zoom[:, None])


@dataclass(frozen=True)
class Regression:
    """Posed faces that a regressor found in crops, one for each row.

    Attributes:
        coefficients: Shape, expression and pose; albedo and light of networks that tell them.
        camera: Camera of the crop, or of the photo once `in_photo` was called.
        log_error: Expected logarithm of the mean landmark error, as a fraction of the face's size.
        confidence: Probability that the mean landmark error is below 5 % of the face's size.
        points: Points found in the picture, of networks that find some: those of `info.point_sets`.
    """

    coefficients: FaceCoefficients
    camera: AnyCamera
    log_error: Float[Tensor, " batch"]
    confidence: Float[Tensor, " batch"]
    points: FoundPoints | None = None

    def __len__(self) -> int:
        return len(self.log_error)

    def __getitem__(self, rows: slice) -> "Regression":
        points = None if self.points is None else self.points[rows]
        return Regression(
            self.coefficients[rows], self.camera[rows], self.log_error[rows], self.confidence[rows], points
        )

    def in_photo(self, boxes: Float[np.ndarray, "batch 4"], size_px: int) -> Self:
        """The same faces and points with the camera of the photo that the crops were cut from.

        Args:
            boxes: Left, top, right, bottom edges of the crops in the photo; squares.
            size_px: Side of the crops.
        """
        edges = torch.as_tensor(boxes).to(self.log_error)
        return self.uncropped(edges[:, :2], size_px / (edges[:, 2] - edges[:, 0]))

    def uncropped(self, corner_px: Float[Tensor, "batch 2"], zoom: Float[Tensor, " batch"]) -> Self:
        """The same faces and points in the picture that begins at a corner and was enlarged by a zoom."""
        points = None if self.points is None else self.points.uncropped(corner_px, zoom)
        return replace(self, camera=self.camera.uncropped(corner_px, zoom), points=points)

    def landmarks_px(self, points: PointBasis) -> Float[Tensor, "batch landmarks 2"]:
        """Landmarks in pixels of the picture that the camera belongs to.

        Args:
            points: The face model at the landmarks: `model.subset(model.landmarks("ibug68"))`.
        """
        found = self.coefficients
        basis = points.mean_mm
        landmarks_mm = points(found.identity.to(basis), found.expression.to(basis)).to(found.rotation)
        return self.camera.project(transform_points(found.rotation, found.translation_mm, landmarks_mm))[0]


class CoefficientRegressor:
    """A trained regressor ready for use: 8-bit crops in, coefficients, cameras and confidences out.

    Wherever the network runs, its results are on the CPU.

    Attributes:
        info: What the weights say about themselves.
        layout: Which outputs mean what.
        size_px: Side of the crops it expects.
        name: File name of the weights, without suffix.
        sha256: Hash of the file of weights.
    """

    def __init__(
        self, regressor: Regressor, info: RegressorInfo, *, name: str, sha256: str, device: str = "cpu"
    ) -> None:
        self.info = info
        self.layout = layout_of(info)
        self.size_px = regressor.config.size_px
        self._map = regressor.config.landmark_map
        self.name = name
        self.sha256 = sha256
        self.device = available_device(device)
        self._run = _on_cpu(regressor) if self.device.type == "cpu" else _in_torch(regressor, self.device)

    @classmethod
    def load(cls, name_or_path: str | Path, device: str = "cpu") -> Self:
        """Read weights by the name of a shipped asset (`pretrain`) or by the path of a safetensors file.

        Raises:
            ConfigError: If there is no such file or asset, or no such device.
            AssetError: If a shipped file is damaged.
            ModelFileError: If the file holds no regressor.
        """
        path = weights_path(name_or_path)
        regressor, info = load_regressor(path)
        return cls(regressor, info, name=path.stem, sha256=sha256_of(path), device=device)

    @property
    def sees_landmarks(self) -> bool:
        """Whether the network has a landmark map as fourth channel."""
        return self._map is not None

    @torch.no_grad()
    def predict(
        self,
        crops: UInt8[np.ndarray, "batch size size 3"] | UInt8[Tensor, "batch size size 3"],
        landmarks_px: Float[np.ndarray, "batch 18 2"] | Float[Tensor, "batch 18 2"] | None = None,
        *,
        mirror: CoefficientMirror | None = None,
    ) -> Regression:
        """Find the face in each of a batch of crops; the camera is that of the crop.

        Args:
            crops: sRGB, of side `size_px`.
            landmarks_px: The points `flm18` in pixels of the crops, for networks that see them; NaN where
                unknown. None for a first look, with an empty map.
            mirror: That of the face model, to look at the mirror images too and take the mean of both
                outputs and of both log errors. It halves what errors on one side do to the other.

        Raises:
            ValueError: If the crops have another size, or the network sees no landmarks.
            ModelFileError: If what comes out is not finite, so that the weights must be damaged.
        """
        pixels = crops.cpu().numpy() if isinstance(crops, Tensor) else crops
        if pixels.shape[1:] != (self.size_px, self.size_px, 3):
            expected = f"(batch, {self.size_px}, {self.size_px}, 3)"
            raise ValueError(f"crops: expected shape {expected}, got {tuple(pixels.shape)}")
        image = _as_network_input(pixels)
        if self._map is not None:
            known = None if landmarks_px is None else torch.as_tensor(landmarks_px)
            image = with_landmark_map(image, known, self._map)
        elif landmarks_px is not None:
            raise ValueError(
                f"weights {self.name}: expected no landmarks, for the network has no map of them"
            )
        # A mirrored map is the map of the mirrored landmarks, for it does not say which is which.
        found = self._run(image if mirror is None else torch.cat((image, image.flip(-1))))
        if not all(part.isfinite().all() for part in (found.output, found.log_error, found.points)):
            raise ModelFileError(f"weights {self.name}: expected finite outputs, got NaN or infinity.")
        if mirror is not None:
            found = self._mean_with_mirrored(found, mirror)
        coefficients, camera = self.layout.decode(found.output, self.size_px)
        offset, slope = self.info.confidence
        confidence = torch.sigmoid(offset + slope * found.log_error)
        points = None
        if self.info.point_sets:
            points = FoundPoints(
                self.size_px * found.points[..., :2], self.size_px * found.points[..., 2].exp()
            )
        return Regression(coefficients, camera, found.log_error, confidence, points)

    def _mean_with_mirrored(self, found: Regressed, mirror: CoefficientMirror) -> Regressed:
        """Mean of the first half of the rows and of what the second half, mirror images, say of them.

        Through the decoder, so that it is a mean of rotations, and of expressions within their bounds.
        """
        second = torch.arange(len(found.output)) >= len(found.output) // 2
        faces, camera = self.layout.decode(found.output, self.size_px)
        both = self.layout.encode(mirror(faces, second), camera, self.size_px)
        first, turned = found.points.chunk(2)
        if self.info.point_sets:
            turned = turned[:, torch.from_numpy(mirror.points(self.info.point_sets))]
        turned = torch.cat((1 - turned[..., :1], turned[..., 1:]), dim=-1)
        output, log_error = (part.unflatten(0, (2, -1)).mean(dim=0) for part in (both, found.log_error))
        return Regressed(output, log_error, (first + turned) / 2)


def _as_network_input(pixels: UInt8[np.ndarray, "batch size size 3"]) -> Float[Tensor, "batch 3 size size"]:
    """Crops in [0, 1], channels first; by numpy, for torch would wake its threads for so little."""
    image = np.empty((len(pixels), 3, *pixels.shape[1:3]), dtype=np.float32)
    np.divide(pixels.transpose(0, 3, 1, 2), np.float32(255), out=image)
    return torch.from_numpy(image)


def _on_cpu(regressor: Regressor) -> _Network:
    """The network in ONNX Runtime, which runs it more than twice as fast as torch does."""
    session = open_session(regressor_to_onnx(regressor), torch.get_num_threads())

    def run(image: Tensor) -> Regressed:
        if not len(image):
            empty = image.new_zeros(0, regressor.config.outputs)
            return Regressed(empty, image.new_zeros(0), image.new_zeros(0, regressor.config.points, 3))
        found = session.run(None, {"image": image.contiguous().numpy()})
        output, log_error, *points = (torch.from_numpy(one) for one in found)
        dense = points[0].unflatten(1, (-1, 3)) if points else output.new_zeros(len(output), 0, 3)
        return Regressed(output, log_error[:, 0], dense)

    return run


def _in_torch(regressor: Regressor, device: torch.device) -> _Network:
    network = fold_batch_norm(regressor).requires_grad_(False).to(device)

    def run(image: Tensor) -> Regressed:
        found = network.regress(image.to(device))
        return Regressed(found.output.cpu(), found.log_error.cpu(), found.points.cpu())

    return run


def layout_of(info: RegressorInfo) -> CoefficientLayout:
    """What the outputs of a network mean."""
    return CoefficientLayout(
        identity=info.identity,
        expression=info.expression,
        bounded=info.bounded,
        albedo=info.albedo,
        light=info.light,
        focal_per_size=info.focal_per_size,
    )


def weights_path(name_or_path: str | Path) -> Path:
    """Path of weights given by the name of a shipped asset or by a path.

    What ends with `.safetensors` or contains a folder is a path, anything else a name.

    Raises:
        ConfigError: If there is no such file, or no such name among the shipped weights.
        AssetError: If the shipped file is damaged.
    """
    path = Path(name_or_path)
    if path.suffix == _SUFFIX or len(path.parts) > 1:
        if not path.is_file():
            raise ConfigError(f"weights {path}: expected a {_SUFFIX} file, found none.")
        return path
    filename = f"{name_or_path}{_SUFFIX}"
    shipped = asset_names(_SUFFIX)
    if filename not in shipped:
        regressors = [name.removesuffix(_SUFFIX) for name in shipped if not name.startswith(_NO_REGRESSORS)]
        names = ", ".join(regressors)
        raise ConfigError(
            f"weights {name_or_path}: no weights of that name ship with monoface. "
            f"Use one of: {names or 'none'}; or give the path of a {_SUFFIX} file."
        )
    return asset_path(filename)


def available_device(name: str) -> torch.device:
    """Device of that name.

    Raises:
        ConfigError: If it is neither `cpu` nor `cuda`, or if torch sees no CUDA device.
    """
    if name not in ("cpu", "cuda"):
        raise ConfigError(f"device {name}: expected cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: torch sees no CUDA device. Use cpu, or install torch for CUDA.")
    return torch.device(name)
