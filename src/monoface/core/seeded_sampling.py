"""Random numbers that belong to a sample, not to a batch.

Each is a hash of the sample's seed and of what it is for. So the numbers of a sample are the same however
a batch is divided among processes, and a resumed run draws what an uninterrupted one would have drawn.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

_MASK = 0xFFFFFFFF


def sample_uniform(seeds: Int[Tensor, " batch"], count: int, purpose: int) -> Float[Tensor, "batch count"]:
    """Numbers in (0, 1) of each sample; different purposes give independent ones.

    Reference:
        The 32-bit mixing function "lowbias32" of Wellons, "Prospecting for Hash Functions", 2018.
    """
    place = torch.arange(count, device=seeds.device) + (purpose << 16)
    mixed = _mix(_mix(seeds)[:, None] ^ _mix(place))
    # Half a step keeps 0 and 1 out, so that logarithms are finite.
    return ((mixed >> 8).to(torch.float64) + 0.5).mul(2.0**-24).float().clamp(1e-8, 1 - 6e-8)


def sample_rows(seeds: Int[Tensor, " batch"], share: float, purpose: int) -> Int[Tensor, " rows"]:
    """About a share of samples, in order."""
    return (sample_uniform(seeds, 1, purpose)[:, 0] < share).nonzero()[:, 0]


def sample_normal(seeds: Int[Tensor, " batch"], count: int, purpose: int) -> Float[Tensor, "batch count"]:
    """Numbers of a normal distribution with unit variance; see `sample_uniform`.

    Reference:
        Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958.
    """
    radius, turn = sample_uniform(seeds, 2 * count, purpose).split(count, dim=-1)
    return (-2 * radius.log()).sqrt() * (2 * math.pi * turn).cos()


def _mix(value: Tensor) -> Tensor:
    value = value & _MASK
    value = ((value ^ (value >> 16)) * 0x7FEB352D) & _MASK
    value = ((value ^ (value >> 15)) * 0x846CA68B) & _MASK
    return value ^ (value >> 16)
