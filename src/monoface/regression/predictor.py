"""From square crops to posed faces: a network and what its outputs mean."""

from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from monoface.facemodel import CoefficientLayout
from monoface.facemodel.mirroring import CoefficientMirror, PointSets
from monoface.networks import Regressed, Regressor, RegressorConfig, with_landmark_map
from monoface.regression.found import FoundPoints, Regression

Network = Callable[[Tensor], Regressed]
"""Runs on input on the CPU, of all channels; its results are on the CPU too."""

Crops = (
    UInt8[np.ndarray, "batch size size 3"]
    | UInt8[Tensor, "batch size size 3"]
    | Float32[np.ndarray, "batch size size 3"]
)
"""Square sRGB pictures: bytes, or numbers in [0, 1]."""


class CropPredictor:
    """Finds the face in each of a batch of crops; results are on the CPU, wherever the network runs.

    Args:
        network: Runs the regressor.
        config: Of the regressor.
        layout: Which outputs mean what.
        name: What messages call it.
        confidence: Offset and slope of the logistic function that makes probabilities of log errors.
        point_sets: Landmark sets that the network's points are of.

    Attributes:
        layout: Which outputs mean what.
        size_px: Side of the crops it expects.
    """

    def __init__(
        self,
        network: Network,
        config: RegressorConfig,
        layout: CoefficientLayout,
        *,
        name: str = "regressor",
        confidence: tuple[float, float] = (0.0, 0.0),
        point_sets: PointSets = (),
    ) -> None:
        self.layout = layout
        self.size_px = config.size_px
        self._network = network
        self._map = config.landmark_map
        self._name = name
        self._confidence = confidence
        self._point_sets = point_sets

    @classmethod
    def of_network(cls, regressor: Regressor, layout: CoefficientLayout) -> Self:
        """A network as it is at each call, for instance while it trains; its points are left out.

        Args:
            regressor: On any device, in evaluation mode.
            layout: What its outputs mean.
        """

        def run(image: Tensor) -> Regressed:
            device = next(regressor.parameters()).device
            output, log_error = regressor(image.to(device, memory_format=torch.channels_last))
            return Regressed(output.cpu(), log_error.cpu(), torch.zeros(len(image), 0, 3))

        return cls(run, regressor.config, layout)

    @property
    def sees_landmarks(self) -> bool:
        """Whether the network has a landmark map as fourth channel."""
        return self._map is not None

    @torch.no_grad()
    def predict(
        self,
        crops: Crops,
        landmarks_px: Float[np.ndarray, "batch 18 2"] | Float[Tensor, "batch 18 2"] | None = None,
        *,
        mirror: CoefficientMirror | None = None,
    ) -> Regression:
        """Find the face in each of a batch of crops; the camera is that of the crop.

        Args:
            crops: sRGB, of side `size_px`; bytes, or numbers in [0, 1].
            landmarks_px: The points `flm18` in pixels of the crops, for networks that see them; NaN where
                unknown. None for a first look, with an empty map.
            mirror: That of the face model, to look at the mirror images too and take the mean of both
                outputs and of both log errors. It halves what errors on one side do to the other.

        Raises:
            ValueError: If the crops have another size, or the network sees no landmarks.
        """
        pixels = crops.numpy(force=True) if isinstance(crops, Tensor) else crops
        if pixels.shape[1:] != (self.size_px, self.size_px, 3):
            expected = f"(batch, {self.size_px}, {self.size_px}, 3)"
            raise ValueError(f"crops: expected shape {expected}, got {tuple(pixels.shape)}")
        image = _as_network_input(pixels)
        if self._map is not None:
            known = None if landmarks_px is None else torch.as_tensor(landmarks_px)
            image = with_landmark_map(image, known, self._map)
        elif landmarks_px is not None:
            raise ValueError(f"{self._name}: expected no landmarks, for the network has no map of them")
        # A mirrored map is the map of the mirrored landmarks, for it does not say which is which.
        found = self._network(image if mirror is None else torch.cat((image, image.flip(-1))))
        if mirror is not None:
            found = self._mean_with_mirrored(found, mirror)
        coefficients, camera = self.layout.decode(found.output, self.size_px)
        offset, slope = self._confidence
        confidence = torch.sigmoid(offset + slope * found.log_error)
        points = None
        if self._point_sets:
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
        if self._point_sets:
            turned = turned[:, torch.from_numpy(mirror.points(self._point_sets))]
        turned = torch.cat((1 - turned[..., :1], turned[..., 1:]), dim=-1)
        output, log_error = (part.unflatten(0, (2, -1)).mean(dim=0) for part in (both, found.log_error))
        return Regressed(output, log_error, (first + turned) / 2)


def _as_network_input(pixels: np.ndarray) -> Float[Tensor, "batch 3 size size"]:
    """Crops in [0, 1], channels first; by numpy, for torch would wake its threads for so little."""
    image = np.empty((len(pixels), 3, *pixels.shape[1:3]), dtype=np.float32)
    divisor = np.float32(255 if pixels.dtype == np.uint8 else 1)
    np.divide(pixels.transpose(0, 3, 1, 2), divisor, out=image)
    return torch.from_numpy(image)
