"""Coarse colours of a whole head: the person's own on the face, one tone on scalp, ears and neck."""

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import norm
from monoface.facemodel import NumpyFaceModel
from monoface.texturing.appearance import Appearance
from monoface.texturing.filling import ColourSpreader, lower_median
from monoface.texturing.placed_mesh import PlacedMesh
from monoface.texturing.zones import SkinZones

# Light on what no photo shows is a guess: so much of its contrast is kept, within these bounds.
_CONTRAST = 0.4
_DIMMEST, _BRIGHTEST = 0.7, 1.06
# Fewer vertices of bare skin tell no tone.
_LEAST_VERTS = 20
_LUMINANCE = np.array((0.2126, 0.7152, 0.0722), np.float32)
# A colour that differs this much from the tone, in sRGB, is hardly the skin's.
_TOLERANCE = 0.16


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
    ) -> tuple[Float[np.ndarray, "verts 3"], Float[np.ndarray, "verts 3"]]:
        """Colours of all vertices, sRGB, by albedo, light and tone, and by the tone alone; see `tone`."""
        zones, expected = self._zones, appearance.colours_srgb(self._model, mesh.normals)
        tone = self.tone(appearance, mesh, seen)
        clear = zones.plain & (seen > 0.5)
        if clear.sum() >= _LEAST_VERTS:
            off = lower_median(mesh.colours_srgb[clear] - expected[clear])
            expected = np.where(zones.skin[:, None], expected + off, expected)
        rim, plain = zones.rim[:, None], self._plain(tone, appearance, mesh)
        return ((1 - rim) * expected + rim * plain).clip(0, 1), plain

    def colours(
        self,
        expected: Float[np.ndarray, "verts 3"],
        mesh: PlacedMesh,
        seen: Float[np.ndarray, " verts"],
    ) -> Float[np.ndarray, "verts 3"]:
        """Expected colours corrected by what is seen; continuous over the skin."""
        difference = mesh.coarse_colours_srgb - expected
        likeness = np.exp(-np.square(norm(difference) / _TOLERANCE))
        return self._spreader.completed(expected, difference, seen * likeness * self._zones.photo)

    def _plain(
        self, tone: Float[np.ndarray, " 3"], appearance: Appearance, mesh: PlacedMesh
    ) -> Float[np.ndarray, "verts 3"]:
        """One tone, lighter and darker as the fitted light has it, but less so."""
        light = appearance.irradiance(mesh.normals) @ _LUMINANCE
        usual = np.median(light[self._zones.plain]).clip(1e-6)
        shade = np.power((light / usual).clip(1e-3), _CONTRAST).clip(_DIMMEST, _BRIGHTEST)
        # The power of sRGB, so that hues stay.
        return (tone * np.power(shade, 1 / 2.2)[:, None]).clip(0, 1).astype(np.float32)
