"""Normals by bands of wavelength: how like each other, how strong, how near."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

BANDS_MM: Final = {"fine": (0.7, 1.5), "middle": (1.5, 4.0), "broad": (4.0, 12.0)}
"""Wavelengths on the face."""

# A Gaussian of this width, of a wavelength, halves waves of that length.
_HALVING = math.sqrt(2 * math.log(2)) / (2 * math.pi)


@dataclass(frozen=True)
class Likeness:
    """How normals found compare with true ones in one band.

    Attributes:
        correlation: Of the changes of normals.
        amplitude: Their size over that of the true ones.
        error: Mean size of the difference.
    """

    correlation: float
    amplitude: float
    error: float

    @classmethod
    def of(
        cls,
        found: Float[Tensor, "channels rows columns"],
        true: Float[Tensor, "channels rows columns"],
        chosen: Bool[Tensor, "rows columns"],
    ) -> "Likeness":
        """Compare band-passed maps where they are chosen."""
        a, b = found[:, chosen].double(), true[:, chosen].double()
        energy = float((a * a).sum()), float((b * b).sum())
        spread = math.sqrt(energy[0] * energy[1])
        return cls(
            correlation=float((a * b).sum()) / spread if spread > 0 else 0.0,
            amplitude=math.sqrt(energy[0] / energy[1]) if energy[1] > 0 else float("nan"),
            error=float((a - b).norm(dim=0).mean()) if bool(chosen.any()) else float("nan"),
        )


def band_passed(
    maps: Float[Tensor, "channels rows columns"],
    weight: Float[Tensor, "rows columns"],
    wavelengths_mm: tuple[float, float],
    texel_mm: float,
) -> Float[Tensor, "channels rows columns"]:
    """What maps have between two wavelengths: the difference of two weighted Gaussian means."""
    short, long = (_mean(maps, weight, wave * _HALVING / texel_mm) for wave in wavelengths_mm)
    return short - long


def _mean(maps: Tensor, weight: Tensor, sigma: float) -> Tensor:
    both = torch.cat((maps * weight, weight[None]))
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-(offsets**2) / (2 * max(sigma, 0.1) ** 2))
    kernel /= kernel.sum()
    both = torch.nn.functional.conv2d(both[:, None], kernel[None, None, :, None], padding=(reach, 0))
    both = torch.nn.functional.conv2d(both, kernel[None, None, None], padding=(0, reach))[:, 0]
    return both[:-1] / both[-1:].clamp_min(1e-3)


def around(chosen: Bool[Tensor, "rows columns"]) -> tuple[slice, slice]:
    """Rows and columns that hold all that is chosen, and a margin."""
    rows, columns = (np.flatnonzero(chosen.any(dim=axis).numpy()) for axis in (1, 0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    margin = 16
    return (
        slice(max(0, rows[0] - margin), rows[-1] + margin),
        slice(max(0, columns[0] - margin), columns[-1] + margin),
    )
