"""How far a photo's pixels at a vertex are the face's own: skin, brows, lips, eyes and beard."""

import numpy as np
from jaxtyping import Float

from monoface.core.arrays import norm
from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.render import TextureLayout, TextureMap
from monoface.shading.color import LUMINANCE
from monoface.texturing.skin import BROW, ParsedFace
from monoface.texturing.zones import SkinZones

_SKIN = ("skin", "nose")
# What the parser may call what belongs to a zone, besides skin.
_ALSO = {"brows": (BROW,), "beard": ("hair", "mouth"), "lips": ("mouth",), "eyes": ("eyes",)}
# So far off what is no skin is skin taken from, in the middle of a face and at its rim, in pixels of the
# parser's crop: see `ParsedFace.trust`.
_SKIN_MARGINS_PX = (1, 3)
# Differences of hue, in sRGB, from which on a colour counts less, and not at all; then for the face's rim.
_CAST, _CAST_AT_RIM = (0.11, 0.18), (0.07, 0.12)
# Brightness against what is expected below which a colour counts not at all, and in full; then for the rim.
_DARK, _DARK_AT_RIM = (0.45, 0.65), (0.65, 0.82)
# Black clothes and deep shade are of no hue: differences of so little light count less.
_FLARE, _DARKEST = 0.06, 0.3
# Luminance against what is expected below which a texel is a strand of hair, and from which on it is skin.
_STRAND = (0.78, 0.92)
_LUMINANCE = np.array(LUMINANCE, np.float32)


def own_trust(parsed: ParsedFace, zones: SkinZones) -> Float[np.ndarray, " verts"]:
    """What of a face may become its texture, 0 to 1; view angles and what the head hides are not asked.

    Args:
        parsed: What the parser saw.
        zones: Of the face model.
    """
    # At the rim hair begins, and its edges and shadow are wider than those of lids and lips.
    inner, outer = (parsed.trust(_SKIN, margin_px) for margin_px in _SKIN_MARGINS_PX)
    trust = inner + (outer - inner) * zones.rim
    for zone, classes in _ALSO.items():
        share = getattr(zones, zone)
        inside = parsed.trust((*_SKIN, *classes))
        trust = np.maximum(trust, share * inside)
    return trust * zones.photo


def likeness_to_skin(
    colours: Float[np.ndarray, "verts 3"], expected: Float[np.ndarray, "verts 3"], zones: SkinZones
) -> Float[np.ndarray, " verts"]:
    """How far coarse colours may be skin's, 0 to 1: neither of another hue nor far darker; 1 off plain skin.

    Args:
        colours: Of the photo, sRGB.
        expected: Of this person's skin there, sRGB.
        zones: Of the face model.
    """
    brightness = colours.mean(axis=1) + _FLARE
    darker = brightness / (expected.mean(axis=1) + _FLARE)
    # As bright as expected, so that dark cloth has its hue too.
    hue = norm(_opponent(colours / darker.clip(_DARKEST, 1)[:, None]) - _opponent(expected))
    # Make-up and beards are seen in the middle of faces; beside it a slight cast is hair or its shadow.
    begin, end = (
        inner + (outer - inner) * zones.rim for inner, outer in zip(_CAST, _CAST_AT_RIM, strict=True)
    )
    like = ((end - hue) / (end - begin)).clip(0, 1)
    none, full = (
        inner + (outer - inner) * zones.rim for inner, outer in zip(_DARK, _DARK_AT_RIM, strict=True)
    )
    none, full = none * (1 - zones.beard), full * (1 - zones.beard) + 1e-3
    like = like * ((darker - none) / (full - none)).clip(0, 1)
    free = np.maximum.reduce((zones.brows, zones.lips, zones.eyes, ~zones.skin))
    return (like + (1 - like) * free).astype(np.float32)


def _opponent(colours: Float[np.ndarray, "verts 3"]) -> Float[np.ndarray, "verts 2"]:
    """Red against green and yellow against blue, sRGB differences."""
    red, green, blue = colours.T
    return np.stack((red - green, (red + green) / 2 - blue), axis=1)


def without_strands(
    shown: TextureMap, layout: TextureLayout, expected: Float[np.ndarray, "verts 3"], zones: SkinZones
) -> TextureMap:
    """What is shown without strands of hair before the face's rim, which parsers do not see.

    Args:
        shown: What a photo shows of the texture.
        layout: Texture space.
        expected: Coarse colours of this person's skin, sRGB.
        zones: Of the face model.
    """
    from monoface.texturing import _kernels

    share = (2 * zones.rim).clip(0, 1) * (1 - zones.brows) * (1 - zones.beard)
    limits = (share * (expected @ _LUMINANCE))[:, None] * np.array(_STRAND, np.float32)
    weight = np.empty_like(shown.weight)

    def leave_out(band: tuple[int, int]) -> None:
        arrays = (layout.face_index, layout.barycentric, shown.image, shown.weight, weight)
        _kernels.without_dark(limits, layout.faces, *(array[slice(*band)] for array in arrays))

    run_for_each(leave_out, band_limits(layout.size, 4 * count_bands(1)))
    return TextureMap(shown.image, weight)
