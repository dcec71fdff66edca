"""Coarse colours of a whole head: the person's own on the face, one tone on scalp, ears and neck."""

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import norm
from monoface.facemodel import NumpyFaceModel
from monoface.shading.color import LUMINANCE
from monoface.texturing.appearance import Appearance
from monoface.texturing.filling import ColourSpreader, lower_median
from monoface.texturing.placed_mesh import PlacedMesh
from monoface.texturing.zones import SkinZones

# Light on what no photo shows is a guess: so much of its contrast is kept, within these bounds.
_CONTRAST = 0.4
_DIMMEST, _BRIGHTEST = 0.7, 1.06
# Fewer vertices of bare skin tell no tone.
_LEAST_VERTS = 20
_LUMINANCE = np.array(LUMINANCE, np.float32)
# A colour that differs this much from the tone, in sRGB, is hardly the skin's.
_TOLERANCE = 0.16
# How much less the rim counts in what it is first compared with, and by what part of its brightness it may be
# darker than that, and must not be.
_RIM_DOUBT, _SHADE = 0.95, (0.05, 0.12)
# How far light of the face may change what is beside it, as parts of its colour.
_LIGHTER = (-0.35, 0.35)


class SkinGuide:
    """Makes colours that all else is laid over.

    Args:
        model: The face model.
        zones: Its zones.
        spreader: Spreads what a photo shows over its skin.
    """

    def __init__(self, model: NumpyFaceModel, zones: SkinZones, spreader: ColourSpreader) -> None:
        self._model, self._zones, self._spreader = model, zones, spreader

    def tone(
        self, appearance: Appearance, mesh: PlacedMesh, seen: Float[np.ndarray, " verts"]
    ) -> Float[np.ndarray, " 3"]:
        """Colour of the person's skin, sRGB: of what is seen of it, or else of the fitted albedo and light.

        Args:
            appearance: Albedo and light.
            mesh: The face in its photo.
            seen: How far vertices show bare skin, 0 to 1.
        """
        clear = self._zones.plain & (seen > 0.5)
        if clear.sum() < _LEAST_VERTS:
            expected = appearance.colours_srgb(self._model, mesh.normals)
            return lower_median(expected[self._zones.plain])
        return lower_median(mesh.colours_srgb[clear])

    def expected(
        self, appearance: Appearance, mesh: PlacedMesh, seen: Float[np.ndarray, " verts"]
    ) -> Float[np.ndarray, "verts 3"]:
        """Colours of all vertices, sRGB: by albedo and light near features, by the tone elsewhere."""
        zones, expected = self._zones, appearance.colours_srgb(self._model, mesh.normals)
        tone = self.tone(appearance, mesh, seen)
        clear = zones.plain & (seen > 0.5)
        if clear.sum() >= _LEAST_VERTS:
            off = lower_median(mesh.colours_srgb[clear] - expected[clear])
            expected = np.where(zones.skin[:, None], expected + off, expected)
        # The model's means are darker where many of its people had hair.
        own, plain = zones.features[:, None], self._plain(tone, appearance, mesh)
        return (own * expected + (1 - own) * plain).clip(0, 1)

    def colours(
        self,
        expected: Float[np.ndarray, "verts 3"],
        mesh: PlacedMesh,
        seen: Float[np.ndarray, " verts"],
    ) -> Float[np.ndarray, "verts 3"]:
        """Expected colours corrected by what is seen; continuous over the skin."""
        zones, difference = self._zones, mesh.coarse_colours_srgb - expected
        likeness = np.exp(-np.square(norm(difference) / _TOLERANCE))
        plain = zones.plain * (1 - zones.brows) * (1 - zones.eyes) * (1 - zones.lips)
        trust = seen * likeness * zones.photo * plain
        inner = self._spreader.spread_both_sides(difference, trust * (1 - _RIM_DOUBT * zones.rim))
        # What darkens towards the rim is hair and its shadow, and no more of the face's shade.
        darker = ((inner - difference) @ _LUMINANCE) / (expected @ _LUMINANCE).clip(0.05)
        hairy = ((darker - _SHADE[0]) / (_SHADE[1] - _SHADE[0])).clip(0, 1) * (2 * zones.rim).clip(0, 1)
        spread = self._spreader.spread_both_sides(difference, trust * (1 - hairy))
        # Beside the face light and shade go on, but not the hues of what is beside it.
        factor = ((spread @ _LUMINANCE) / (expected @ _LUMINANCE).clip(0.05)).clip(*_LIGHTER)
        light = expected * factor[:, None]
        photo, on = zones.photo[:, None], zones.light[:, None]
        return (expected + photo * spread + (1 - photo) * on * light).clip(0, 1)

    def _plain(
        self, tone: Float[np.ndarray, " 3"], appearance: Appearance, mesh: PlacedMesh
    ) -> Float[np.ndarray, "verts 3"]:
        """One tone, lighter and darker as the fitted light has it, but less so."""
        light = appearance.irradiance(mesh.normals) @ _LUMINANCE
        usual = np.median(light[self._zones.plain]).clip(1e-6)
        shade = np.power((light / usual).clip(1e-3), _CONTRAST).clip(_DIMMEST, _BRIGHTEST)
        # The power of sRGB, so that hues stay.
        return (tone * np.power(shade, 1 / 2.2)[:, None]).clip(0, 1).astype(np.float32)
