"""The texture of a face: what the photo shows of it, and the rest filled in."""

from threading import Lock

import numpy as np
from jaxtyping import Float, UInt8

from monoface.core.processes import PerProcess
from monoface.facemodel import LinearFaceModel, NumpyFaceModel
from monoface.render import TextureLayout, TextureMap, complete_texture, unwrap_photo
from monoface.shading import srgb_to_linear
from monoface.texturing.appearance import Appearance, SeenSkin, fit_appearance
from monoface.texturing.composing import compose
from monoface.texturing.filling import ColourSpreader
from monoface.texturing.guide import SkinGuide
from monoface.texturing.look import TextureKind
from monoface.texturing.placed_mesh import PlacedMesh as PlacedMesh
from monoface.texturing.trusting import likeness_to_skin
from monoface.texturing.zones import SkinZones

# What no photo shows well enough keeps the colours of the albedo model.
_FILLED_PARTS = ("mouth", "teeth")
# Cosines of the angle to the camera between which a vertex's colour begins to count and counts fully.
_GRAZING, _FRONTAL = 0.25, 0.6
# From here on a vertex shows so much bare skin that its colour tells of albedo and light.
_BARE = 0.5
# Regions that are no skin, whose colours say nothing of its albedo or of the light.
_NO_SKIN = ("eyes", "mouth", "teeth")


class Texturer:
    """Makes textures of faces of one model, at one size. May be used from several threads.

    Args:
        model: The face model.
        size: Side of the texture in texels.
        kind: What of photos becomes texture; see `look.TextureKind`.
    """

    def __init__(self, model: LinearFaceModel, size: int, kind: TextureKind = "clean") -> None:
        self.model = model = model.in_numpy()
        self.size = size
        self.kind = kind
        self._lock = PerProcess(Lock)
        self._layout: TextureLayout | None = None
        self._colour_spreader: ColourSpreader | None = None
        self._skin_zones: SkinZones | None = None
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
        self,
        mesh: PlacedMesh,
        appearance: Appearance,
        bare: Float[np.ndarray, " verts"] | None = None,
        own: Float[np.ndarray, " verts"] | None = None,
    ) -> UInt8[np.ndarray, "size size 3"]:
        """Texture in sRGB by the model's UV.

        Args:
            mesh: The face in its photo.
            appearance: Albedo and light, fitted to it.
            bare: See `seen_skin`.
            own: How far vertices show the face itself, 0 to 1 (`own_trust`), for clean textures; if not
                given, all is taken for the face itself.
        """
        return self.completed(*self.shown(mesh, appearance, bare, own), bare)

    def shown(
        self,
        mesh: PlacedMesh,
        appearance: Appearance,
        bare: Float[np.ndarray, " verts"] | None = None,
        own: Float[np.ndarray, " verts"] | None = None,
    ) -> tuple[TextureMap, Float[np.ndarray, "verts channels"]]:
        """What of the photo becomes texture, and colours of all vertices to fill the rest; see `texture`.

        In clean textures, three more channels are what to add besides, to what the photo shows too.
        """
        layout = self.layout()
        if self.kind == "none":
            nothing = np.zeros((self.size, self.size, 4), np.float32)
            expected = appearance.colours_srgb(self.model, mesh.normals)
            return TextureMap(nothing[..., :3], nothing[..., 3]), expected
        facing = ((-mesh.normals[:, 2] - _GRAZING) / (_FRONTAL - _GRAZING)).clip(0, 1)
        seen = facing * mesh.visible
        if self.kind == "photo":
            expected = appearance.colours_srgb(self.model, mesh.normals)
            fill, trust = self._spreader().fill(expected, mesh.colours_srgb, seen, bare)
        else:
            fill, trust = self._own(mesh, appearance, seen if bare is None else seen * bare, own)
        shown = unwrap_photo(
            mesh.photo, mesh.camera, mesh.verts_camera, layout, weld=self.model.weld, trust=trust
        )
        return shown, fill

    def completed(
        self,
        shown: TextureMap,
        fill: Float[np.ndarray, "verts channels"],
        bare: Float[np.ndarray, " verts"] | None = None,
    ) -> UInt8[np.ndarray, "size size 3"]:
        """Texture in sRGB, filled where nothing is shown; see `shown`."""
        if self.kind == "clean":
            return compose(shown, self.layout(), fill, self.zones())
        share = self._spreader().near_face if self.kind == "photo" else np.zeros(len(fill), np.float32)
        return complete_texture(shown, self.layout(), fill, share, bare)

    def _own(
        self,
        mesh: PlacedMesh,
        appearance: Appearance,
        seen: Float[np.ndarray, " verts"],
        own: Float[np.ndarray, " verts"] | None,
    ) -> tuple[Float[np.ndarray, "verts 6"], Float[np.ndarray, " verts"]]:
        """Colours of clean skin, and how far the photo is to be trusted at vertices."""
        guide, zones = SkinGuide(self.model, self.zones(), self._spreader()), self.zones()
        expected, plain = guide.expected(appearance, mesh, seen)
        like = likeness_to_skin(mesh.coarse_colours_srgb, expected, zones)
        fill = guide.colours(expected, mesh, seen * like)
        rest = zones.rim[:, None] * (plain - fill)
        return np.concat((fill, rest), axis=1), like * (zones.photo if own is None else own)

    def zones(self) -> SkinZones:
        """Zones of the model, made when first asked for."""
        with self._lock():
            if self._skin_zones is None:
                self._skin_zones = SkinZones.of(self.model)
            return self._skin_zones

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
