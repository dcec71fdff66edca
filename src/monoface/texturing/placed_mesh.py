"""A face's mesh where its photo shows it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from monoface.core.arrays import in_numpy
from monoface.facemodel import FaceCoefficients, LinearFaceModel, NumpyFaceModel
from monoface.geometry.cameras import AnyCamera, PerspectiveCamera, transform_points
from monoface.geometry.resampling import averaged, sample_bilinear
from monoface.geometry.triangles import vertex_normals
from monoface.photos.reading import LoadedImage
from monoface.render import project, vertex_visibility

# Visibility is decided in a picture of the face of about this size: a pixel is then about a millimetre.
_VISIBILITY_PX = 256
_MARGIN_PX = 8
# What is smaller than this is no part of coarse colours.
_COARSE_MM = 4.0


@dataclass(frozen=True, eq=False)
class PlacedMesh:
    """A face's mesh in the part of the photo that shows it.

    Attributes:
        photo: That part, sRGB in [0, 1].
        camera: Its camera, a batch of one.
        verts_camera: Vertices in the camera frame, millimetres.
        model: The face model that they are vertices of.
    """

    photo: Float[Any, "3 height width"]
    camera: AnyCamera
    verts_camera: Float[Any, "verts 3"]
    model: NumpyFaceModel

    @classmethod
    def in_photo(
        cls,
        photo: LoadedImage,
        coefficients: FaceCoefficients,
        camera: AnyCamera,
        verts_mm: Float[Any, "verts 3"],
        model: LinearFaceModel,
    ) -> "PlacedMesh":
        """Cut the part out of a photo, so that a large one is not converted as a whole.

        Args:
            photo: The photo.
            coefficients: Pose; a batch of one.
            camera: Camera of the upright original; a batch of one.
            verts_mm: Vertices in the model frame.
            model: The face model. It, and all before, may be in numpy or PyTorch.
        """
        coefficients, camera, verts_mm = in_numpy((coefficients, camera, verts_mm))
        verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts_mm[None])
        working = camera.cropped(np.zeros((1, 2), np.float32), np.array([photo.scale], np.float32))
        points = working.project(verts_camera)[0][0]
        limits = np.array(photo.size_px)
        low = np.minimum((np.floor(points.min(axis=0)).astype(int) - _MARGIN_PX).clip(0), limits - 1)
        high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + _MARGIN_PX, limits)
        high = np.maximum(high, low + 1)
        part = photo.image_srgb[int(low[1]) : int(high[1]), int(low[0]) : int(high[0])]
        pixels = (part / np.float32(255)).transpose(2, 0, 1)
        own = working.cropped(low[None].astype(np.float32), np.ones(1, np.float32))
        return cls(pixels, own, verts_camera[0], model.in_numpy())

    @cached_property
    def verts_px(self) -> Float[np.ndarray, "verts 3"]:
        """x, y and depth in millimetres."""
        return project(self.camera, self.verts_camera[None])[0]

    @cached_property
    def visible(self) -> Bool[np.ndarray, " verts"]:
        """Which vertices the photo shows."""
        height, width = self.photo.shape[1:]
        x, y = self.verts_px[:, 0], self.verts_px[:, 1]
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        low, high = self.verts_px[:, :2].min(axis=0), self.verts_px[:, :2].max(axis=0)
        zoom = np.float32(_VISIBILITY_PX / (high - low).max().clip(1e-6))
        extent = np.ceil((high - low) * zoom).astype(int) + 1
        scaled = np.concat(((self.verts_px[:, :2] - low) * zoom, self.verts_px[:, 2:]), axis=1)
        shown = vertex_visibility(
            scaled[None],
            self.model.faces,
            (int(extent[1]), int(extent[0])),
            perspective=isinstance(self.camera, PerspectiveCamera),
        )[0]
        return inside & shown

    @cached_property
    def normals(self) -> Float[np.ndarray, "verts 3"]:
        """Unit normals in the camera frame."""
        return vertex_normals(self.verts_camera, self.model.faces, self.model.weld)

    @cached_property
    def coarse_colours_srgb(self) -> Float[np.ndarray, "verts 3"]:
        """As `colours_srgb`, of the photo averaged over some millimetres: without moles and hairs."""
        extent_mm, extent_px = np.ptp(self.verts_camera[:, 1]), np.ptp(self.verts_px[:, 1])
        side = int(_COARSE_MM * extent_px / max(extent_mm, 1e-6))
        photo = self.photo.transpose(1, 2, 0)
        if side < 2 or min(photo.shape[:2]) < side:
            return self.colours_srgb
        return sample_bilinear(averaged(photo, side), self.verts_px[:, :2] / np.float32(side))

    @cached_property
    def colours_srgb(self) -> Float[np.ndarray, "verts 3"]:
        """Colours of the photo at the vertices, whether they are visible or not."""
        return sample_bilinear(self.photo.transpose(1, 2, 0), self.verts_px[:, :2])
