"""The texture of a face: what the photo shows of it, and the rest filled in."""

from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from monoface.core.arrays import in_numpy
from monoface.core.processes import PerProcess
from monoface.facemodel import FaceCoefficients, LinearFaceModel, NumpyFaceModel
from monoface.geometry.cameras import AnyCamera, PerspectiveCamera, transform_points
from monoface.geometry.resampling import sample_bilinear
from monoface.geometry.triangles import vertex_normals
from monoface.photos.reading import LoadedImage
from monoface.render import (
    TextureLayout,
    TextureMap,
    complete_texture,
    project,
    unwrap_photo,
    vertex_visibility,
)
from monoface.shading import srgb_to_linear
from monoface.texturing.appearance import Appearance, SeenSkin, fit_appearance
from monoface.texturing.filling import ColourSpreader

# Visibility is decided in a picture of the face of about this size: a pixel is then about a millimetre.
_VISIBILITY_PX = 256
_MARGIN_PX = 8

# What no photo shows well enough keeps the colours of the albedo model.
_FILLED_PARTS = ("mouth", "teeth")
# Cosines of the angle to the camera between which a vertex's colour begins to count and counts fully.
_GRAZING, _FRONTAL = 0.25, 0.6
# From here on a vertex shows so much bare skin that its colour tells of albedo and light.
_BARE = 0.5
# Regions that are no skin, whose colours say nothing of its albedo or of the light.
_NO_SKIN = ("eyes", "mouth", "teeth")


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
    def colours_srgb(self) -> Float[np.ndarray, "verts 3"]:
        """Colours of the photo at the vertices, whether they are visible or not."""
        return sample_bilinear(self.photo.transpose(1, 2, 0), self.verts_px[:, :2])


class Texturer:
    """Makes textures of faces of one model, at one size. May be used from several threads."""

    def __init__(self, model: LinearFaceModel, size: int) -> None:
        self.model = model = model.in_numpy()
        self.size = size
        self._lock = PerProcess(Lock)
        self._layout: TextureLayout | None = None
        self._colour_spreader: ColourSpreader | None = None
        skin = model.data.regions["narrow_face"].copy()
        for eye in model.data.eyes.values():
            skin &= ~eye.verts
        for name in _NO_SKIN:
            skin &= ~model.data.regions.get(name, np.zeros_like(skin))
        self._skin = skin

    def appearance(self, mesh: PlacedMesh, bare: Float[np.ndarray, " verts"] | None = None) -> Appearance:
        """Albedo and light that explain the photo; see `seen_skin`."""
        skin = self.seen_skin(mesh, bare)
        return fit_appearance(self.model, skin.normals, skin.colours, skin.seen)

    def seen_skin(self, mesh: PlacedMesh, bare: Float[np.ndarray, " verts"] | None = None) -> SeenSkin:
        """What the photo tells of albedo and light.

        Args:
            mesh: The face in its photo.
            bare: How far the photo shows bare skin at vertices, 0 to 1 (`SkinFinder.trust`); in full, if not
                given.
        """
        seen = mesh.visible & self._skin
        if bare is not None:
            seen &= bare > _BARE
        return SeenSkin(mesh.normals, srgb_to_linear(mesh.colours_srgb), seen)

    def texture(
        self, mesh: PlacedMesh, appearance: Appearance, bare: Float[np.ndarray, " verts"] | None = None
    ) -> UInt8[np.ndarray, "size size 3"]:
        """Texture in sRGB by the model's UV; see `seen_skin`."""
        return self.completed(*self.shown(mesh, appearance, bare), bare)

    def shown(
        self, mesh: PlacedMesh, appearance: Appearance, bare: Float[np.ndarray, " verts"] | None = None
    ) -> tuple[TextureMap, Float[np.ndarray, "verts 3"]]:
        """What the photo shows of the texture, and expected colours of all vertices to fill the rest."""
        layout, spreader = self.layout(), self._spreader()
        expected = appearance.colours_srgb(self.model, mesh.normals)
        facing = ((-mesh.normals[:, 2] - _GRAZING) / (_FRONTAL - _GRAZING)).clip(0, 1)
        fill, trust = spreader.fill(expected, mesh.colours_srgb, facing * mesh.visible, bare)
        shown = unwrap_photo(
            mesh.photo, mesh.camera, mesh.verts_camera, layout, weld=self.model.weld, trust=trust
        )
        return shown, fill

    def completed(
        self,
        shown: TextureMap,
        fill: Float[np.ndarray, "verts 3"],
        bare: Float[np.ndarray, " verts"] | None = None,
    ) -> UInt8[np.ndarray, "size size 3"]:
        """Texture in sRGB, filled where nothing is shown; see `shown`."""
        return complete_texture(shown, self.layout(), fill, self._spreader().near_face, bare)

    def layout(self) -> TextureLayout:
        """Texture space of the model, made when first asked for."""
        with self._lock():
            if self._layout is None:
                parts = self.model.data.part_names
                filled = np.array([part in _FILLED_PARTS for part in parts])
                self._layout = TextureLayout.from_mesh(
                    self.model.faces,
                    self.model.uv,
                    self.size,
                    usable=~filled[self.model.data.face_part],
                    mirrored=_is_mirrored(self.model, 1 / self.size),
                )
            return self._layout

    def _spreader(self) -> ColourSpreader:
        with self._lock():
            if self._colour_spreader is None:
                self._colour_spreader = ColourSpreader(self.model)
            return self._colour_spreader


def _is_mirrored(model: NumpyFaceModel, tolerance: float) -> bool:
    """Whether nearly all vertices have their mirror image at the mirrored place of the texture."""
    flipped = np.stack((1 - model.uv[:, 0], model.uv[:, 1]), axis=-1)
    off = np.abs(model.uv[model.data.mirror] - flipped).max(axis=-1)
    matches = (off < tolerance) & (model.data.mirror != np.arange(len(model.uv)))
    return float(matches.mean()) > 0.9
