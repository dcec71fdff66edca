"""How far a photo's pixels at a vertex are the face's own: skin, brows, lips, eyes and beard."""

import numpy as np
from jaxtyping import Float

from monoface.texturing.skin import ParsedFace
from monoface.texturing.zones import SkinZones

_SKIN = ("skin", "nose")
# What the parser may call what belongs to a zone, besides skin.
_ALSO = {"brows": ("hair",), "beard": ("hair", "mouth"), "lips": ("mouth",), "eyes": ("eyes",)}


def own_trust(parsed: ParsedFace, zones: SkinZones, margin_px: int = 1) -> Float[np.ndarray, " verts"]:
    """What of a face may become its texture, 0 to 1; view angles and what the head hides are not asked.

    Args:
        parsed: What the parser saw.
        zones: Of the face model.
        margin_px: See `ParsedFace.trust`.
    """
    trust = parsed.trust(_SKIN, margin_px)
    for zone, classes in _ALSO.items():
        share = getattr(zones, zone)
        inside = parsed.trust((*_SKIN, *classes), margin_px)
        trust = np.maximum(trust, share * inside)
    return trust * zones.photo
