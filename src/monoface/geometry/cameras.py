"""Cameras: from points in the camera frame (millimetres, OpenCV axes) to pixels.

A camera belongs to one picture. `cropped` gives the camera of a cut-out that was then resized, so a
result found in a crop can always be expressed in the original photo.
"""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self

from jaxtyping import Float

from monoface.core.arrays import Array, constant, namespace

NOMINAL_DISTANCE_MM = 1000.0
"""Distance that stands in the translation of a weak-perspective pose, which cannot observe one."""


class Camera(Protocol[Array]):
    """What projects points of the camera frame into one picture."""

    def project(
        self, points_camera: Float[Array, "batch points 3"]
    ) -> tuple[Float[Array, "batch points 2"], Float[Array, "batch points"]]:
        """Pixels and depths (millimetres along the viewing axis) of points."""
        ...

    def scale_at(self, depth_mm: Float[Array, " batch"]) -> Float[Array, " batch"]:
        """Pixels a millimetre across the viewing axis, for what is at a depth."""
        ...

    def cropped(self, origin_px: Float[Array, "batch 2"], zoom: Float[Array, " batch"]) -> Self:
        """Camera of the picture that begins at `origin_px` and is enlarged by `zoom`."""
        ...

    def uncropped(self, origin_px: Float[Array, "batch 2"], zoom: Float[Array, " batch"]) -> Self:
        """Camera of the picture that `cropped` with the same arguments was cut from."""
        ...

    def __getitem__(self, rows: Any) -> Self:
        """Cameras of some of the pictures."""
        ...


@dataclass(frozen=True)
class WeakPerspectiveCamera(Generic[Array]):
    """Scaled orthographic projection: all depths have one scale.

    Attributes:
        scale_px_per_mm: Pixels a millimetre.
        principal_px: Where the viewing axis meets the picture.
    """

    scale_px_per_mm: Float[Array, " batch"]
    principal_px: Float[Array, "batch 2"]

    def project(
        self, points_camera: Float[Array, "batch points 3"]
    ) -> tuple[Float[Array, "batch points 2"], Float[Array, "batch points"]]:
        """Pixels and depths in millimetres of points in the camera frame."""
        scale = self.scale_px_per_mm[:, None, None]
        return scale * points_camera[..., :2] + self.principal_px[:, None], points_camera[..., 2]

    def scale_at(self, depth_mm: Float[Array, " batch"]) -> Float[Array, " batch"]:
        """Pixels a millimetre across the viewing axis: the same at every depth."""
        return namespace(depth_mm).broadcast_to(self.scale_px_per_mm, depth_mm.shape)

    def __getitem__(self, rows: Any) -> "WeakPerspectiveCamera":
        return WeakPerspectiveCamera(self.scale_px_per_mm[rows], self.principal_px[rows])

    def cropped(
        self, origin_px: Float[Array, "batch 2"], zoom: Float[Array, " batch"]
    ) -> "WeakPerspectiveCamera":
        """Camera of the picture that begins at `origin_px` and is enlarged by `zoom`."""
        principal_px = (self.principal_px - origin_px) * zoom[:, None]
        return WeakPerspectiveCamera(self.scale_px_per_mm * zoom, principal_px)

    def uncropped(
        self, origin_px: Float[Array, "batch 2"], zoom: Float[Array, " batch"]
    ) -> "WeakPerspectiveCamera":
        """Camera of the picture that `cropped` with the same arguments was cut from."""
        principal_px = self.principal_px / zoom[:, None] + origin_px
        return WeakPerspectiveCamera(self.scale_px_per_mm / zoom, principal_px)


@dataclass(frozen=True)
class PerspectiveCamera(Generic[Array]):
    """Pinhole with square pixels.

    Attributes:
        focal_px: Focal length in pixels.
        principal_px: Where the viewing axis meets the picture.
    """

    focal_px: Float[Array, " batch"]
    principal_px: Float[Array, "batch 2"]

    def project(
        self, points_camera: Float[Array, "batch points 3"]
    ) -> tuple[Float[Array, "batch points 2"], Float[Array, "batch points"]]:
        """Pixels and depths in millimetres of points in the camera frame.

        Points nearer than a millimetre, or behind the camera, are projected as if one millimetre
        away: clip them (`render.clip_near`) before rasterising.
        """
        depth_mm = points_camera[..., 2]
        ratio = self.focal_px[:, None] / depth_mm.clip(1.0)
        return ratio[..., None] * points_camera[..., :2] + self.principal_px[:, None], depth_mm

    def scale_at(self, depth_mm: Float[Array, " batch"]) -> Float[Array, " batch"]:
        """Pixels a millimetre across the viewing axis, for what is at a depth."""
        return self.focal_px / depth_mm.clip(1.0)

    def __getitem__(self, rows: Any) -> "PerspectiveCamera":
        return PerspectiveCamera(self.focal_px[rows], self.principal_px[rows])

    def cropped(
        self, origin_px: Float[Array, "batch 2"], zoom: Float[Array, " batch"]
    ) -> "PerspectiveCamera":
        """Camera of the picture that begins at `origin_px` and is enlarged by `zoom`."""
        return PerspectiveCamera(self.focal_px * zoom, (self.principal_px - origin_px) * zoom[:, None])

    def uncropped(
        self, origin_px: Float[Array, "batch 2"], zoom: Float[Array, " batch"]
    ) -> "PerspectiveCamera":
        """Camera of the picture that `cropped` with the same arguments was cut from."""
        return PerspectiveCamera(self.focal_px / zoom, self.principal_px / zoom[:, None] + origin_px)


AnyCamera = WeakPerspectiveCamera | PerspectiveCamera
"""The cameras that renderers and layouts of coefficients know."""


def transform_points(
    rotation: Float[Array, "batch 3 3"],
    translation: Float[Array, "batch 3"],
    points: Float[Array, "batch points 3"],
) -> Float[Array, "batch points 3"]:
    """Points under x -> R x + t, in the unit and to the frame of the translation."""
    return points @ rotation.mT + translation[:, None]


def rigid_matrix(
    rotation: Float[Array, "batch 3 3"], translation: Float[Array, "batch 3"]
) -> Float[Array, "batch 4 4"]:
    """Homogeneous 4 x 4 matrix of x -> R x + t."""
    xp = namespace(rotation)
    top = xp.concat((rotation, translation[..., None]), -1)
    last = constant((0.0, 0.0, 0.0, 1.0), translation)
    bottom = xp.broadcast_to(last, (*rotation.shape[:-2], 1, 4))
    return xp.concat((top, bottom), -2)
