"""Drawings over photos: the mesh, landmarks and the head's axes."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from PIL import Image, ImageDraw

from monoface.geometry.cameras import AnyCamera, PerspectiveCamera
from monoface.geometry.triangles import normalize_or_zero, vertex_normals
from monoface.raster import interpolate, rasterize
from monoface.render.projection import project
from monoface.shading import linear_to_srgb, srgb_to_linear

Rgb = tuple[int, int, int]

MESH_COLOUR: Rgb = (150, 178, 214)
"""A blue that neither skin nor hair has."""

LANDMARK_COLOUR: Rgb = (255, 221, 51)
AXIS_COLOURS: tuple[Rgb, Rgb, Rgb] = ((235, 64, 52), (64, 200, 80), (66, 135, 245))
_OUTLINE: Rgb = (20, 20, 24)

_SUPERSAMPLING = 4
_MESH_ZOOM = 2
_TOWARDS_LIGHT = np.array((-0.35, -0.6, -0.7), np.float32) / np.float32(math.hypot(-0.35, -0.6, -0.7))


def draw_mesh(
    photo: Float[np.ndarray, "3 height width"],
    camera: AnyCamera,
    verts_camera: Float[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    *,
    weld: Int[np.ndarray, " verts"] | None = None,
    opacity: float = 0.65,
) -> Float[np.ndarray, "3 height width"]:
    """Lays the mesh over a photo: translucent, matt and lit from above, so that its shape shows.

    Drawn at twice the size and averaged down, for smooth edges.

    Args:
        photo: sRGB, 0 to 1.
        camera: Camera of the photo, a batch of one.
        verts_camera: Vertices in the camera frame, millimetres.
        faces: Vertex indices.
        weld: See `geometry.triangles.vertex_normals`.
        opacity: Of the mesh, 0 to 1.
    """
    points_px = np.nan_to_num(camera.project(verts_camera[None])[0][0])
    limits = np.array((photo.shape[2], photo.shape[1]))
    low = np.minimum(np.floor(points_px.min(axis=0)).clip(0), limits - 1)
    high = np.maximum(np.minimum(np.ceil(points_px.max(axis=0)), limits), low + 1)
    (left, top), (right, bottom) = low.astype(int).tolist(), high.astype(int).tolist()
    part = camera.cropped(low[None].astype(np.float32), np.full(1, _MESH_ZOOM, np.float32))
    size = _MESH_ZOOM * (bottom - top), _MESH_ZOOM * (right - left)
    perspective = isinstance(camera, PerspectiveCamera)
    fragments = rasterize(project(part, verts_camera[None]), faces, size, perspective=perspective)
    normals = interpolate(vertex_normals(verts_camera, faces, weld)[None], faces, fragments)[0]
    # The light comes from behind and above the camera, with some from everywhere for the rest.
    lit = 0.1 + 1.1 * (normalize_or_zero(normals) @ _TOWARDS_LIGHT).clip(0)
    coverage = _reduced(fragments.mask[0].astype(np.float32))
    mean = _reduced(np.where(fragments.mask[0], lit, np.float32(0))) / coverage.clip(1e-6)
    colour = srgb_to_linear(np.array(MESH_COLOUR, np.float32) / 255)
    picture = linear_to_srgb(colour[:, None, None] * mean).clip(0, 1)
    result, share = photo.copy(), opacity * coverage
    behind = photo[:, top:bottom, left:right]
    result[:, top:bottom, left:right] = share * picture + (1 - share) * behind
    return result


def _reduced(values: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "rows columns"]:
    """Means over squares of pixels, as many as the mesh is drawn larger by."""
    height, width = (extent // _MESH_ZOOM for extent in values.shape)
    return values.reshape(height, _MESH_ZOOM, width, _MESH_ZOOM).mean(axis=(1, 3))


def draw_landmarks(
    photo: Float[np.ndarray, "3 height width"],
    landmarks_px: Float[np.ndarray, "landmarks 2"],
    *,
    radius_px: float | None = None,
    colour: Rgb = LANDMARK_COLOUR,
) -> Float[np.ndarray, "3 height width"]:
    """Draws landmarks as dots with a dark rim, which stand out from light and dark faces alike.

    Args:
        photo: sRGB, 0 to 1.
        landmarks_px: Points; what is not finite or outside the photo is left out.
        radius_px: Radius of the dots; a share of the points' extent, if not given.
        colour: Of the dots, sRGB.
    """
    points = landmarks_px.astype(np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) == 0:
        return photo.copy()
    radius = max(1.0, 0.007 * float(np.ptp(points, axis=0).max())) if radius_px is None else radius_px
    rim = radius + max(0.6, 0.4 * radius)
    layer = _Layer(photo, points.min(axis=0) - rim, points.max(axis=0) + rim)
    for point in points:
        layer.dot(point, rim, _OUTLINE)
    for point in points:
        layer.dot(point, radius, colour)
    return layer.laid_over(photo)


def draw_pose_axes(
    photo: Float[np.ndarray, "3 height width"],
    camera: AnyCamera,
    rotation: Float[np.ndarray, "3 3"],
    origin_camera: Float[np.ndarray, " 3"],
    *,
    length_mm: float = 90.0,
) -> Float[np.ndarray, "3 height width"]:
    """Draws the head's axes: red to the subject's left, green up, blue out of the face.

    Args:
        photo: sRGB, 0 to 1.
        camera: Camera of the photo, a batch of one.
        rotation: Rotation from the model to the camera frame.
        origin_camera: Where the axes start, in the camera frame, millimetres.
        length_mm: Length of each axis.
    """
    points = np.stack((origin_camera, *(origin_camera + length_mm * axis for axis in rotation.T)))
    start, *ends = camera.project(points[None])[0][0].astype(np.float64)
    corners = np.stack((start, *ends))
    if not np.isfinite(corners).all():
        return photo.copy()
    extent = float(np.linalg.norm(corners[1:] - start, axis=1).max())
    thickness = max(1.5, 0.035 * extent)
    layer = _Layer(photo, corners.min(axis=0) - 4 * thickness, corners.max(axis=0) + 4 * thickness)
    # The farthest end first, so that nearer axes cover it.
    for axis in sorted(range(3), key=lambda axis: -float(points[axis + 1, 2])):
        layer.arrow(start, ends[axis], thickness, AXIS_COLOURS[axis])
    return layer.laid_over(photo)


class _Layer:
    """A transparent drawing over part of a photo, at a multiple of its resolution."""

    def __init__(self, photo: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        size = np.array((photo.shape[2], photo.shape[1]))
        self._low = np.clip(np.floor(low), 0, size - 1).astype(int)
        self._high = np.maximum(np.clip(np.ceil(high), 1, size).astype(int), self._low + 1)
        extent = self._high - self._low
        self._image = Image.new("RGBA", tuple((extent * _SUPERSAMPLING).tolist()))
        self._draw = ImageDraw.Draw(self._image)

    def dot(self, centre: np.ndarray, radius: float, colour: Rgb) -> None:
        x, y = self._scaled(centre)
        reach = radius * _SUPERSAMPLING
        self._draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=(*colour, 255))

    def arrow(self, start: np.ndarray, end: np.ndarray, thickness: float, colour: Rgb) -> None:
        """A line with a head and a dark rim; a dot where it points at the viewer."""
        length = float(np.linalg.norm(end - start))
        along = (end - start) / max(length, 1e-6)
        head = min(3.5 * thickness, 0.6 * length)
        for rim, fill in ((max(0.8, 0.35 * thickness), _OUTLINE), (0.0, colour)):
            self.dot(start, thickness / 2 + rim, fill)
            neck = end - along * head
            self._line(start, neck + along * 0.1 * head, thickness + 2 * rim, fill)
            across = np.array((-along[1], along[0])) * (0.45 * head + 1.6 * rim)
            tip, base = end + along * 1.8 * rim, neck - along * rim
            self._polygon((tip, base + across, base - across), fill)

    def laid_over(self, photo: np.ndarray) -> np.ndarray:
        width, height = (self._high - self._low).tolist()
        # Averaging needs colours weighted by opacity.
        premultiplied = self._image.convert("RGBa").resize((width, height), Image.Resampling.BOX)
        drawn = np.asarray(premultiplied).astype(photo.dtype).transpose(2, 0, 1) / 255
        result = photo.copy()
        part = result[:, self._low[1] : self._high[1], self._low[0] : self._high[0]]
        part *= 1 - drawn[3]
        part += drawn[:3]
        return result

    def _scaled(self, point: np.ndarray) -> tuple[float, float]:
        # Pillow's coordinates name pixels by their centres.
        x, y = (point - self._low) * _SUPERSAMPLING - 0.5
        return float(x), float(y)

    def _line(self, start: np.ndarray, end: np.ndarray, thickness: float, colour: Rgb) -> None:
        along = end - start
        length = max(float(np.linalg.norm(along)), 1e-6)
        across = np.array((-along[1], along[0])) / length * thickness / 2
        self._polygon((start + across, end + across, end - across, start - across), colour)

    def _polygon(self, points: Sequence[np.ndarray], colour: Rgb) -> None:
        self._draw.polygon([self._scaled(point) for point in points], fill=(*colour, 255))
