"""Faces as a regressor found them in crops."""

from dataclasses import dataclass, fields, replace
from typing import Any, Generic, Self, TypeVar

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import Array, cast, constant, namespace
from monoface.facemodel import FaceCoefficients, LinearPoints
from monoface.geometry.cameras import AnyCamera, transform_points
from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.shading.harmonics import rotate_radiance

_Rows = TypeVar("_Rows", FaceCoefficients, AnyCamera, "FoundPoints")


@dataclass(frozen=True)
class FoundPoints(Generic[Array]):
    """Points of faces as a network found them in the picture, whatever its coefficients say.

    Attributes:
        place_px: In pixels of the picture that the camera belongs to.
        sigma_px: Standard deviation along each axis that the network expects.
    """

    place_px: Float[Array, "batch points 2"]
    sigma_px: Float[Array, "batch points"]

    def __getitem__(self, rows: Any) -> "FoundPoints":
        return FoundPoints(self.place_px[rows], self.sigma_px[rows])

    def uncropped(self, corner_px: Float[Array, "batch 2"], zoom: Float[Array, " batch"]) -> "FoundPoints":
        """The same in the photo that crops were cut from."""
        place_px = self.place_px / zoom[:, None, None] + corner_px[:, None]
        return FoundPoints(place_px, self.sigma_px / zoom[:, None])

    def turned(self, inside: Float[Array, "batch 2 2"], centre_px: Float[Array, "batch 2"]) -> "FoundPoints":
        """The same in the picture that was turned about a point by a rotation in its plane."""
        around = self.place_px - centre_px[:, None]
        return replace(self, place_px=around @ inside.mT + centre_px[:, None])


@dataclass(frozen=True)
class Regression(Generic[Array]):
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
    log_error: Float[Array, " batch"]
    confidence: Float[Array, " batch"]
    points: FoundPoints | None = None

    def __len__(self) -> int:
        return len(self.log_error)

    def __getitem__(self, rows: Any) -> "Regression":
        points = None if self.points is None else self.points[rows]
        return Regression(
            self.coefficients[rows], self.camera[rows], self.log_error[rows], self.confidence[rows], points
        )

    def joined(self, others: "Regression") -> "Regression":
        """These faces and others after them, of the same network and kind of camera."""
        xp = namespace(self.log_error)
        return Regression(
            _joined(self.coefficients, others.coefficients),
            _joined(self.camera, others.camera),
            xp.concat((self.log_error, others.log_error)),
            xp.concat((self.confidence, others.confidence)),
            None if self.points is None or others.points is None else _joined(self.points, others.points),
        )

    def in_photo(self, boxes: Float[np.ndarray, "batch 4"], size_px: int) -> Self:
        """The same faces and points with the camera of the photo that the crops were cut from.

        Args:
            boxes: Left, top, right, bottom edges of the crops in the photo; squares.
            size_px: Side of the crops.
        """
        edges = constant(boxes, self.log_error)
        return self.uncropped(edges[:, :2], size_px / (edges[:, 2] - edges[:, 0]))

    def uncropped(self, corner_px: Float[Array, "batch 2"], zoom: Float[Array, " batch"]) -> Self:
        """The same faces and points in the picture that begins at a corner and was enlarged by a zoom."""
        points = None if self.points is None else self.points.uncropped(corner_px, zoom)
        return replace(self, camera=self.camera.uncropped(corner_px, zoom), points=points)

    def turned(self, roll_rad: Float[Array, " batch"], centre_px: Float[Array, "batch 2"]) -> Self:
        """The same faces and points in the picture that was turned about a point, clockwise as seen.

        The light turns, too: it is in the camera frame.
        """
        xp, still = namespace(roll_rad), roll_rad[:, None] * 0
        turn = matrix_from_axis_angle(xp.concat((still, still, roll_rad[:, None]), 1))
        inside = turn[:, :2, :2]
        principal_px = (inside @ (self.camera.principal_px - centre_px)[..., None])[..., 0] + centre_px
        faces = self.coefficients
        light = faces.light
        if len(light):
            moved = roll_rad != 0
            light = xp.where(moved[:, None, None], rotate_radiance(light, turn), light)
        coefficients = replace(
            faces,
            rotation=turn @ faces.rotation,
            translation_mm=(turn @ faces.translation_mm[..., None])[..., 0],
            light=light,
        )
        points = None if self.points is None else self.points.turned(inside, centre_px)
        camera = replace(self.camera, principal_px=principal_px)
        return replace(self, coefficients=coefficients, camera=camera, points=points)

    def landmarks_px(self, points: LinearPoints) -> Float[Array, "batch landmarks 2"]:
        """Landmarks in pixels of the picture that the camera belongs to.

        Args:
            points: The face model at the landmarks: `model.subset(model.landmarks("ibug68"))`.
        """
        found = self.coefficients
        if isinstance(found.rotation, np.ndarray):
            points = points.in_numpy()
        basis = points.mean_mm
        shape = (cast(part, basis) for part in (found.identity, found.expression))
        landmarks_mm = cast(points.forward(*shape), found.rotation)
        return self.camera.project(transform_points(found.rotation, found.translation_mm, landmarks_mm))[0]


def _joined(first: _Rows, second: _Rows) -> _Rows:
    """The rows of two dataclasses of arrays, one after the other."""
    pairs = {one.name: (getattr(first, one.name), getattr(second, one.name)) for one in fields(first)}
    return type(first)(**{name: namespace(pair[0]).concat(pair) for name, pair in pairs.items()})
