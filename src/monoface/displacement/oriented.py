"""Bands of wavelength and direction of maps: what is a line has one direction, what is a spot has all."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

DIRECTIONS = 8
"""Directions of waves, evenly over half a turn."""
WAVE_TEXELS = 4.0
"""Wavelength in the middle of a level's band, in texels of that level."""


@dataclass(frozen=True)
class Level:
    """One octave of wavelengths, on a grid as coarse as it may be.

    Attributes:
        halvings: How often the map was halved.
        waves: Parts of the map that run along each direction, each turned by a quarter of a wave into the
            imaginary part: the modulus is the height of the waves around a texel.
        per_wave: The same, over 2 pi times frequency in waves a texel of the grid.
    """

    halvings: int
    waves: Complex[Tensor, "directions rows columns"]
    per_wave: Complex[Tensor, "directions rows columns"]


def directions(device: torch.device) -> Float[Tensor, "directions 2"]:
    """Unit vectors along which waves run, in u and v."""
    turn = torch.arange(DIRECTIONS, device=device) * (math.pi / DIRECTIONS)
    return torch.stack((turn.cos(), turn.sin()), dim=-1)


def levels(image: Float[Tensor, "rows columns"], count: int) -> Iterator[Level]:
    """Octaves of a map, from the finest on, in which waves are four texels long in the middle.

    Args:
        image: Zero where nothing is known. Sides are divisible by two, as often as there are levels.
        count: Of octaves.
    """
    for halvings in range(count):
        if halvings:
            image = torch.nn.functional.avg_pool2d(image[None, None], 2)[0, 0]
        masks, frequency = _masks(image.shape[0], image.shape[1])
        spectrum = torch.fft.fft2(image) * masks
        waves = torch.fft.ifft2(spectrum)
        yield Level(halvings, waves, torch.fft.ifft2(spectrum / (2 * math.pi * frequency)))


def enlarged(image: Float[Tensor, "rows columns"], halvings: int) -> Float[Tensor, "more even_more"]:
    """A map of a coarser level on the finest grid."""
    if not halvings:
        return image
    scaled = torch.nn.functional.interpolate(
        image[None, None], scale_factor=2**halvings, mode="bicubic", align_corners=False
    )
    return scaled[0, 0]


@lru_cache(maxsize=32)
def _masks(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Parts of each frequency that belong to each direction's waves in this octave, and the frequencies."""
    v, u = torch.fft.fftfreq(rows)[:, None], torch.fft.fftfreq(columns)[None]
    frequency = torch.sqrt(u * u + v * v).clamp_min(1e-4)
    octave = (frequency * WAVE_TEXELS).log2()
    radial = torch.where(octave.abs() < 1, torch.cos(math.pi / 2 * octave) ** 2, torch.zeros(()))
    along = directions(torch.device("cpu"))
    cosine = (u[None] * along[:, 0, None, None] + v[None] * along[:, 1, None, None]) / frequency
    # Sixth powers of cosines, of one half plane each: over both they add up to one.
    share = cosine.clamp_min(0) ** 6
    total = (cosine.abs() ** 6).sum(dim=0, keepdim=True).clamp_min(1e-6)
    return 2 * radial * share / total, frequency
