"""Fine texture of skin: measured where a photo shows this person's cheeks and forehead, made anew elsewhere.

What is finer than a few millimetres on plain skin is noise with a spectrum of its own. Noise with the same
spectrum, and the same correlation of its colours, but other phases looks like more of that skin, and tiles.

Reference:
    Galerne, Gousseau and Morel, "Random Phase Textures: Theory and Synthesis", IEEE TIP 2011.
"""

import numpy as np
from jaxtyping import Bool, Complex64, Float

from monoface.render import TextureMap

# Sides of the patch that is measured, of the tile that is made, of the cells that patches consist of, and the
# width of the blur that fine texture is what is left of, as parts of the texture's side.
_PATCH, _TILE, _CELL, _BLUR = 1 / 16, 1 / 4, 1 / 64, 1 / 400
_LEAST_WEIGHT = 0.6
# Without any patch: deviation of the fine texture, of 1, as usual in portraits.
_USUAL_DEVIATION = 1.2 / 255


def synthesised_grain(
    shown: TextureMap, plain: Bool[np.ndarray, "size size"]
) -> Float[np.ndarray, "tile tile 3"]:
    """A tile of fine texture around zero, sRGB, to be repeated.

    Args:
        shown: What the photo shows of the texture.
        plain: Texels of plain skin.
    """
    size = len(plain)
    tile, patch = max(8, round(size * _TILE)), max(4, round(size * _PATCH))
    fine = _measured(shown, plain, patch)
    noise = np.random.default_rng(0).standard_normal((tile, tile)).astype(np.float32)
    spectrum = np.fft.rfft2(noise)
    if fine is None:
        grey = np.repeat(noise[..., None], 3, axis=-1)
        return _USUAL_DEVIATION * _without_coarse(grey, max(1.0, size * _BLUR))
    phases = spectrum / np.abs(spectrum).clip(1e-9)
    window = np.hanning(patch + 2)[1:-1].astype(np.float32)
    windowed = fine * (window[:, None] * window)[..., None]
    of_patch = _alike_all_round(np.fft.rfft2(windowed, (tile, tile), axes=(0, 1)))
    made = np.fft.irfft2(of_patch * phases[..., None], (tile, tile), axes=(0, 1))
    made -= made.mean(axis=(0, 1))
    return (made * (fine.std(axis=(0, 1)) / made.std(axis=(0, 1)).clip(1e-9))).astype(np.float32)


def _alike_all_round(
    spectrum: Complex64[np.ndarray, "tile half 3"],
) -> Float[np.ndarray, "tile half 3"]:
    """Root mean square over frequencies of one length: wrinkles have a direction, skin has none."""
    tile, half = spectrum.shape[:2]
    along = np.fft.fftfreq(tile, 1 / tile)
    ring = np.rint(np.hypot(along[:, None], np.arange(half))).astype(int)
    count = np.bincount(ring.ravel()).clip(1)
    power = np.square(np.abs(spectrum)).reshape(-1, 3)
    mean = np.stack([np.bincount(ring.ravel(), power[:, c]) / count for c in range(3)], axis=1)
    return np.sqrt(mean)[ring].astype(np.float32)


def _measured(
    shown: TextureMap, plain: Bool[np.ndarray, "size size"], patch: int
) -> Float[np.ndarray, "patch patch 3"] | None:
    """Fine texture of the patch that has it in the median; None if no patch is in full view."""
    size = len(plain)
    cell = max(1, min(round(size * _CELL), patch))
    cells = size // cell
    usable = (shown.weight > _LEAST_WEIGHT) & plain
    whole = usable[: cells * cell, : cells * cell].reshape(cells, cell, cells, cell).all(axis=(1, 3))
    across = -(-patch // cell)
    windows = np.lib.stride_tricks.sliding_window_view(whole, (across, across))
    found = np.asarray(windows.all(axis=(2, 3)))
    # Every second place, for patches overlap.
    rows, columns = (cell * 2 * place for place in np.nonzero(found[::2, ::2]))
    if not len(rows):
        return None
    patches = np.stack(
        [
            shown.image[row : row + patch, column : column + patch]
            for row, column in zip(rows, columns, strict=True)
        ]
    )
    fine = _without_coarse(patches, max(1.0, size * _BLUR))
    energy = np.square(fine).mean(axis=(1, 2, 3))
    chosen: Float[np.ndarray, "patch patch 3"] = fine[energy.argsort()[len(energy) // 2]]
    return chosen


def _without_coarse(
    image: Float[np.ndarray, "*count rows columns 3"], blur_texels: float
) -> Float[np.ndarray, "*count rows columns 3"]:
    """What a blur takes away; beyond its border a picture is mirrored."""
    reach = int(np.ceil(2.5 * blur_texels))
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1, dtype=np.float32) / blur_texels))
    weights /= weights.sum()
    smooth = image
    for axis in (-3, -2):
        extent = image.shape[axis]
        beside = np.abs(np.arange(-reach, extent + reach))
        index = np.where(beside >= extent, 2 * extent - 2 - beside, beside).clip(0, extent - 1)
        wide = np.moveaxis(smooth, axis, 0)[index]
        blurred = sum(weight * wide[place : place + extent] for place, weight in enumerate(weights))
        smooth = np.moveaxis(np.asarray(blurred), 0, axis)
    return np.asarray(image - smooth, np.float32)
