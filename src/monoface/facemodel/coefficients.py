"""Coefficients of a posed face, and their layout in a network's output."""

import math
from dataclasses import dataclass, fields
from typing import Any, Generic

from jaxtyping import Float

from monoface.core.arrays import Array, constant, detached, filled, namespace
from monoface.facemodel.formulas.linear_model import LinearFaceModel
from monoface.facemodel.formulas.linear_points import LinearPoints
from monoface.geometry.cameras import (
    NOMINAL_DISTANCE_MM,
    AnyCamera,
    PerspectiveCamera,
    WeakPerspectiveCamera,
    transform_points,
)
from monoface.geometry.rotations import camera_to_head, head_to_camera, matrix_from_6d, matrix_to_6d

# The first two columns of the rotation of an upright frontal head.
_UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class FaceCoefficients(Generic[Array]):
    """One posed face for each row of the batch.

    Attributes:
        identity: Unit-variance shape coefficients.
        expression: Expression weights, within the face model's bounds.
        albedo: Unit-variance albedo coefficients; of length 0 if a network does not tell them.
        rotation: From the model frame to the camera frame.
        translation_mm: Of the model's origin in the camera frame. Under a weak-perspective camera its
            depth is nominal.
        light: Radiance in spherical harmonics, linear RGB, in the camera frame; zeros if a network does not
            tell it (`CoefficientLayout.light`), which is no darkness: `PosedFace.light` is None then.
    """

    identity: Float[Array, "batch identity"]
    expression: Float[Array, "batch expressions"]
    albedo: Float[Array, "batch albedo"]
    rotation: Float[Array, "batch 3 3"]
    translation_mm: Float[Array, "batch 3"]
    light: Float[Array, "batch 9 3"]

    def __getitem__(self, rows: Any) -> "FaceCoefficients":
        return FaceCoefficients(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True)
class CoefficientLayout:
    """Which numbers of a network's output mean what, for a face in a square crop.

    Order: identity, expression, rotation (6D, of the head against the upright frontal pose), logarithm
    of scale, shift; then, where a network has them, albedo and light. Scale is relative to `SCALE_PER_SIZE`
    times the crop's side, shift to a quarter of it, measured from the crop's centre, so that an output of
    zeros is a mean face in the middle. Scale and shift are those of the model's origin. Light is what is
    added to white light from everywhere alike, under which a surface shows its albedo.

    Attributes:
        identity: Number of identity coefficients.
        expression: Number of expression coefficients.
        bounded: Whether expression weights lie in [0, 1].
        albedo: Number of albedo coefficients.
        light: Whether the 27 numbers of a light follow.
        focal_per_size: Focal length of a pinhole that looks at the crop's centre, in sides of the crop; the
            distance then follows from the scale. None for weak perspective.
    """

    identity: int
    expression: int
    bounded: bool = True
    albedo: int = 0
    light: bool = False
    focal_per_size: float | None = None

    # Millimetres that the side of a crop spans for a face of mean size: 1 / 0.0058.
    SCALE_PER_SIZE = 0.0058
    SHIFT_PER_SIZE = 0.25
    LIGHT_SIZE = 27

    @classmethod
    def of(cls, model: LinearFaceModel | LinearPoints) -> "CoefficientLayout":
        """Layout for a face model's geometry, under weak perspective."""
        return cls(model.identity_size, model.expression_size, model.bounded)

    @property
    def geometry(self) -> "CoefficientLayout":
        """Layout of the outputs up to the shift, under weak perspective: what all networks have in common."""
        return CoefficientLayout(self.identity, self.expression, self.bounded)

    @property
    def geometry_size(self) -> int:
        """Length of the output vector up to the shift."""
        return self.identity + self.expression + 9

    @property
    def size(self) -> int:
        """Length of the output vector."""
        return self.geometry_size + self.albedo + self.LIGHT_SIZE * self.light

    def split(self, output: Float[Array, "batch outputs"]) -> tuple[Array, Array, Array, Array, Array]:
        """Identity, raw expression, raw 6D rotation, raw log scale (batch) and raw shift (batch, 2)."""
        pose = self.identity + self.expression
        identity, expression = output[:, : self.identity], output[:, self.identity : pose]
        scale, shift = output[:, pose + 6], output[:, pose + 7 : pose + 9]
        return identity, expression, output[:, pose : pose + 6], scale, shift

    def split_appearance(
        self, output: Float[Array, "batch outputs"]
    ) -> tuple[Float[Array, "batch albedo"], Float[Array, "batch 9 3"]]:
        """Albedo, and what is added to the white light; zeros where there is no light."""
        albedo = output[:, self.geometry_size : self.geometry_size + self.albedo]
        if not self.light:
            return albedo, filled((len(output), 9, 3), 0.0, output)
        return albedo, output[:, -self.LIGHT_SIZE :].reshape((len(output), 9, 3))

    def decode(
        self,
        output: Float[Array, "batch outputs"],
        size_px: int,
        focal_per_size: Float[Array, " batch"] | None = None,
    ) -> tuple[FaceCoefficients, AnyCamera]:
        """Coefficients and camera in a crop of `size_px` pixels; without a light in the layout it is zero.

        Bounded expression weights are clamped in value but not in gradient, so that a weight that left
        its range can come back.

        Args:
            output: Of a network.
            size_px: Side of the crop.
            focal_per_size: Focal length of each crop's camera, where it is known better than by the layout.
        """
        identity, expression, rotation6, log_scale, shift = self.split(output)
        albedo, light = self.split_appearance(output)
        if self.bounded:
            expression = clamp_straight_through(expression, 0.0, 1.0)
        xp = namespace(output)
        rotation = head_to_camera(matrix_from_6d(rotation6 + constant(_UPRIGHT, rotation6)))
        scale = xp.exp(log_scale) * (self.SCALE_PER_SIZE * size_px)
        shift_mm = shift * (self.SHIFT_PER_SIZE * size_px) / scale[:, None]
        principal = xp.full_like(shift_mm, size_px / 2)
        camera: AnyCamera
        if focal_per_size is None and self.focal_per_size is not None:
            focal_per_size = xp.full_like(scale, self.focal_per_size)
        if focal_per_size is None:
            distance = xp.full_like(scale, NOMINAL_DISTANCE_MM)
            camera = WeakPerspectiveCamera(scale, principal)
        else:
            focal_px = focal_per_size * size_px
            distance = focal_px / scale
            camera = PerspectiveCamera(focal_px, principal)
        coefficients = FaceCoefficients(
            identity=identity,
            expression=expression,
            albedo=albedo,
            rotation=rotation,
            translation_mm=xp.concat((shift_mm, distance[:, None]), -1),
            light=light + white_light(output) if self.light else light,
        )
        return coefficients, camera

    def decode_weak(
        self, output: Float[Array, "batch outputs"], size_px: int
    ) -> tuple[FaceCoefficients, WeakPerspectiveCamera]:
        """As `decode`, for layouts under weak perspective and those who need its camera.

        Raises:
            ValueError: If the layout has a focal length.
        """
        coefficients, camera = self.decode(output, size_px)
        if not isinstance(camera, WeakPerspectiveCamera):
            raise ValueError(
                f"layout: expected weak perspective, got a focal length of {self.focal_per_size}"
            )
        return coefficients, camera

    def encode(self, coefficients: FaceCoefficients, camera: AnyCamera, size_px: int) -> Any:
        """Output vector (batch, outputs) that decodes to given coefficients: the inverse of `decode`.

        Any camera is taken for the layout's own: what counts is where the model's origin appears, and how
        large.
        """
        xp, rotation = namespace(coefficients.rotation), coefficients.rotation
        rotation6 = matrix_to_6d(camera_to_head(rotation)) - constant(_UPRIGHT, rotation)
        scale = camera.scale_at(coefficients.translation_mm[:, 2])
        log_scale = xp.log(scale / (self.SCALE_PER_SIZE * size_px))[:, None]
        centre_px = camera.project(coefficients.translation_mm[:, None])[0][:, 0]
        shift = (centre_px - size_px / 2) / (self.SHIFT_PER_SIZE * size_px)
        parts = [coefficients.identity, coefficients.expression, rotation6, log_scale, shift]
        if self.albedo:
            parts.append(coefficients.albedo)
        if self.light:
            added = coefficients.light - white_light(shift)
            parts.append(added.reshape((len(added), self.LIGHT_SIZE)))
        return xp.concat(parts, -1)


def white_light(like: Array) -> Float[Array, "9 3"]:
    """White light from everywhere alike, under which a matt surface shows its albedo.

    Args:
        like: Gives kind, device and type.
    """
    light = filled((9, 3), 0.0, like)
    # The constant harmonic is 1 / sqrt(4 pi), and the cosine's part of it pi: the irradiance is then pi.
    light[0] = math.sqrt(4 * math.pi)
    return light


def clamp_straight_through(value: Array, low: float, high: float) -> Array:
    """Clamped value whose gradient is that of the unclamped one."""
    return value + detached(value.clip(low, high) - value)


def project_points(
    basis: LinearPoints[Array], coefficients: FaceCoefficients[Array], camera: AnyCamera
) -> Float[Array, "batch points 2"]:
    """Pixels of a basis's points for posed faces."""
    points_mm = basis.forward(coefficients.identity, coefficients.expression)
    return camera.project(transform_points(coefficients.rotation, coefficients.translation_mm, points_mm))[0]
