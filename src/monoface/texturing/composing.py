"""One texture of photo, mirrored photo and fill, with fine texture where neither photo is seen."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from monoface.core.kernels.threads import band_limits, count_bands, run_for_each
from monoface.render import TextureLayout, TextureMap, complete_texture
from monoface.texturing.grain import synthesised_grain
from monoface.texturing.zones import SkinZones


def compose(
    shown: TextureMap,
    layout: TextureLayout,
    fill: Float[np.ndarray, "verts 3"],
    zones: SkinZones,
) -> UInt8[np.ndarray, "size size 3"]:
    """Texture in sRGB, everywhere.

    Args:
        shown: What the photo shows of the face itself.
        layout: Texture space.
        fill: Coarse colours of all vertices, sRGB.
        zones: Of the face model.
    """
    from monoface.texturing import _kernels

    # The fill follows what is seen by itself; differences to it are hairs, wrinkles, edges of masks.
    nothing = np.zeros(len(fill), np.float32)
    result = complete_texture(shown, layout, fill, zones.photo, nothing)
    plain = zones.plain[layout.faces].all(axis=1)
    grain = synthesised_grain(shown, _texels(plain, layout))
    skin = zones.skin[layout.faces].all(axis=1) & layout.usable
    surface = grain, skin, zones.photo.astype(np.float32), layout.faces, layout.mirrored
    texels = layout.face_index, layout.barycentric

    # Bands beside each other read what none of them writes.
    def add(band: tuple[int, int]) -> None:
        rows = [array[slice(*band)] for array in (*texels, shown.weight, result)]
        _kernels.add_grain(*surface, band[0], *rows)

    run_for_each(add, band_limits(layout.size, 4 * count_bands(1)))
    layout.pad(result)
    return result


def _texels(chosen: Bool[np.ndarray, " faces"], layout: TextureLayout) -> Bool[np.ndarray, "size size"]:
    return layout.mask & chosen[layout.face_index]
