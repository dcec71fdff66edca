"""Coefficients of a posed face, and their layout in a network's output."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.facemodel.model import FaceModel
from monoface.geometry.cameras import NOMINAL_DISTANCE_MM, WeakPerspectiveCamera
from monoface.geometry.rotations import camera_to_head, head_to_camera, matrix_from_6d, matrix_to_6d


@dataclass(frozen=True)
class FaceCoefficients:
    """One posed face for each row of the batch.

    Attributes:
        identity: Unit-variance shape coefficients.
        expression: Expression weights, within the face model's bounds.
        albedo: Unit-variance albedo coefficients.
        rotation: From the model frame to the camera frame.
        translation_mm: Of the model's origin in the camera frame. Under a weak-perspective camera its
            depth is nominal.
        light: Radiance in spherical harmonics, linear RGB, in the camera frame.
    """

    identity: Float[Tensor, "batch identity"]
    expression: Float[Tensor, "batch expressions"]
    albedo: Float[Tensor, "batch albedo"]
    rotation: Float[Tensor, "batch 3 3"]
    translation_mm: Float[Tensor, "batch 3"]
    light: Float[Tensor, "batch 9 3"]

    def __getitem__(self, rows: slice | Tensor) -> "FaceCoefficients":
        return FaceCoefficients(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True)
class CoefficientLayout:
    """Which numbers of a network's output mean what, for a face in a square crop.

    Order: identity, expression, rotation (6D, of the head against the upright frontal pose), logarithm
    of scale, shift. Scale is relative to `SCALE_PER_SIZE` times the crop's side, shift to a quarter of
    it, measured from the crop's centre, so that an output of zeros is a mean face in the middle.

    Attributes:
        identity: Number of identity coefficients.
        expression: Number of expression coefficients.
        bounded: Whether expression weights lie in [0, 1].
    """

    identity: int
    expression: int
    bounded: bool = True

    # Millimetres that the side of a crop spans for a face of mean size: 1 / 0.0058.
    SCALE_PER_SIZE = 0.0058
    SHIFT_PER_SIZE = 0.25

    @classmethod
    def of(cls, model: FaceModel) -> "CoefficientLayout":
        """Layout for a face model."""
        return cls(model.identity_size, model.expression_size, model.expression_bounds is not None)

    @property
    def size(self) -> int:
        """Length of the output vector."""
        return self.identity + self.expression + 9

    def split(self, output: Float[Tensor, "batch outputs"]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Identity, raw expression, raw 6D rotation, raw log scale (batch) and raw shift (batch, 2)."""
        identity, expression, rotation, scale, shift = output.split(
            (self.identity, self.expression, 6, 1, 2), dim=-1
        )
        return identity, expression, rotation, scale[:, 0], shift

    def decode(
        self, output: Float[Tensor, "batch outputs"], size_px: int
    ) -> tuple[FaceCoefficients, WeakPerspectiveCamera]:
        """Coefficients and camera in a crop of `size_px` pixels; albedo is empty and light zero.

        Bounded expression weights are clamped in value but not in gradient, so that a weight that left
        its range can come back.
        """
        identity, expression, rotation6, log_scale, shift = self.split(output)
        if self.bounded:
            expression = clamp_straight_through(expression, 0.0, 1.0)
        upright = rotation6.new_tensor((1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
        rotation = head_to_camera(matrix_from_6d(rotation6 + upright))
        scale = log_scale.exp() * (self.SCALE_PER_SIZE * size_px)
        shift_mm = shift * (self.SHIFT_PER_SIZE * size_px) / scale[:, None]
        distance = torch.full_like(shift_mm[:, :1], NOMINAL_DISTANCE_MM)
        principal = torch.full_like(shift_mm, size_px / 2)
        coefficients = FaceCoefficients(
            identity=identity,
            expression=expression,
            albedo=identity[:, :0],
            rotation=rotation,
            translation_mm=torch.cat((shift_mm, distance), dim=-1),
            light=identity.new_zeros(len(identity), 9, 3),
        )
        return coefficients, WeakPerspectiveCamera(scale, principal)

    def encode(
        self, coefficients: FaceCoefficients, camera: WeakPerspectiveCamera, size_px: int
    ) -> Float[Tensor, "batch outputs"]:
        """Output vector that decodes to given coefficients: the inverse of `decode`."""
        upright = coefficients.rotation.new_tensor((1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
        rotation6 = matrix_to_6d(camera_to_head(coefficients.rotation)) - upright
        scale = camera.scale_px_per_mm
        log_scale = (scale / (self.SCALE_PER_SIZE * size_px)).log()[:, None]
        centre_px = coefficients.translation_mm[:, :2] * scale[:, None] + camera.principal_px
        shift = (centre_px - size_px / 2) / (self.SHIFT_PER_SIZE * size_px)
        return torch.cat(
            (coefficients.identity, coefficients.expression, rotation6, log_scale, shift), dim=-1
        )


def clamp_straight_through(value: Tensor, low: float, high: float) -> Tensor:
    """Clamped value whose gradient is that of the unclamped one."""
    return value + (value.clamp(low, high) - value).detach()
