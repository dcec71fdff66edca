"""Faces as a regressor found them in crops."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monoface.facemodel import FaceCoefficients, PointBasis
from monoface.geometry.cameras import AnyCamera, transform_points


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
