"""From square crops to posed faces: a network and what its outputs mean."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Float, Float32, UInt8

from monoface.core.arrays import numpy_of
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.mirroring import CoefficientMirror, PointSets
from monoface.networks import Regressed, RegressorConfig, with_landmark_map
from monoface.regression.found import FoundPoints, Regression

if TYPE_CHECKING:
    from monoface.networks import Regressor

Network = Callable[[Float[np.ndarray, "batch channels size size"]], Regressed]
"""Runs on input of all channels, in numpy, wherever it computes."""

Crops = UInt8[Any, "batch size size 3"] | Float32[Any, "batch size size 3"]
"""Square sRGB pictures, as arrays or tensors: bytes, or numbers in [0, 1]."""


class CropPredictor:
    """Finds the face in each of a batch of crops; results are arrays of numpy, wherever the network runs.

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
    def of_network(cls, regressor: "Regressor", layout: CoefficientLayout) -> Self:
        """A network as it is at each call, for instance while it trains; its points are left out.

        Args:
            regressor: On any device, in evaluation mode.
            layout: What its outputs mean.
        """
        import torch

        @torch.no_grad()
        def run(image: Float[np.ndarray, "batch channels size size"]) -> Regressed:
            device = next(regressor.parameters()).device
            seen = torch.from_numpy(image).to(device, memory_format=torch.channels_last)
            output, log_error = regressor(seen)
            nothing = np.zeros((len(image), 0, 3), np.float32)
            return Regressed(numpy_of(output), numpy_of(log_error), nothing)

        return cls(run, regressor.config, layout)

    @property
    def sees_landmarks(self) -> bool:
        """Whether the network has a landmark map as fourth channel."""
        return self._map is not None

    def predict(
        self,
        crops: Crops,
        landmarks_px: Float[Any, "batch 18 2"] | None = None,
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
        pixels = numpy_of(crops)
        if pixels.shape[1:] != (self.size_px, self.size_px, 3):
            expected = f"(batch, {self.size_px}, {self.size_px}, 3)"
            raise ValueError(f"crops: expected shape {expected}, got {tuple(pixels.shape)}")
        image = _as_network_input(pixels)
        if self._map is not None:
            known = None if landmarks_px is None else numpy_of(landmarks_px)
            image = with_landmark_map(image, known, self._map)
        elif landmarks_px is not None:
            raise ValueError(f"{self._name}: expected no landmarks, for the network has no map of them")
        # A mirrored map is the map of the mirrored landmarks, for it does not say which is which.
        found = self._network(image if mirror is None else np.concat((image, image[..., ::-1])))
        if mirror is not None:
            found = self._mean_with_mirrored(found, mirror.in_numpy())
        coefficients, camera = self.layout.decode(found.output, self.size_px)
        offset, slope = self._confidence
        confidence = 1 / (1 + np.exp(-(offset + slope * found.log_error)))
        points = None
        if self._point_sets:
            places, deviation = found.points[..., :2], np.exp(found.points[..., 2])
            points = FoundPoints(self.size_px * places, self.size_px * deviation)
        return Regression(coefficients, camera, found.log_error, confidence, points)

    def _mean_with_mirrored(self, found: Regressed, mirror: CoefficientMirror) -> Regressed:
        """Mean of the first half of the rows and of what the second half, mirror images, say of them.

        Through the decoder, so that it is a mean of rotations, and of expressions within their bounds.
        """
        count = len(found.output) // 2
        second = np.arange(2 * count) >= count
        faces, camera = self.layout.decode(found.output, self.size_px)
        both = self.layout.encode(mirror(faces, second), camera, self.size_px)
        first, turned = found.points[:count], found.points[count:]
        if self._point_sets:
            turned = turned[:, mirror.points(self._point_sets)]
        turned = np.concat((1 - turned[..., :1], turned[..., 1:]), -1)
        output, log_error = ((part[:count] + part[count:]) / 2 for part in (both, found.log_error))
        return Regressed(output, log_error, (first + turned) / 2)


def _as_network_input(pixels: np.ndarray) -> Float[np.ndarray, "batch 3 size size"]:
    """Crops in [0, 1], channels first."""
    image = np.empty((len(pixels), 3, *pixels.shape[1:3]), dtype=np.float32)
    divisor = np.float32(255 if pixels.dtype == np.uint8 else 1)
    np.divide(pixels.transpose(0, 3, 1, 2), divisor, out=image)
    return image
