"""Relief by analysis: heights of lines that a photo shows beyond its coarse face, without a network.

A wrinkle changes the light in two ways. Its flanks turn to the lamp or away from it (shape from shading), and
its floor sees less of the sky, so that deep is dark. For waves of one direction k and height h both make

    logarithm of light = (i light_slope(k) + crease / texel) |k| h,

the first a quarter of a wave off. So each octave and direction of the photo, as a complex wave, is divided by
that factor, texel by texel, with a floor where the light says nothing. What is alike in all directions, such
as pores, stubble, moles and freckles, is taken off before, and so is what is fainter than a threshold.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.displacement.evidence import REFERENCE_PX, Evidence
from monoface.displacement.oriented import DIRECTIONS, Level, directions, enlarged, levels

# The longest waves are about 22 mm: their grid has this side.
_COARSEST_PX = 64
_LARGEST_LOG = 0.6
_LEAST_TEXEL_MM = 0.15
_WELL_SEEN = 0.3
# Wavelength to which thresholds are given.
_REFERENCE_WAVE_MM = 5.0
_FAINT = 1e-12


@dataclass(frozen=True)
class ReliefConfig:
    """What is taken for relief, and how high.

    Attributes:
        crease: Darkness of a valley, as a logarithm, for waves whose steepest slope is 1.
        doubt: Share of light on slopes of 1 below which heights fade: where the light says nothing.
        threshold: Height of waves of light, as a logarithm, that is taken for skin's own unevenness, at
            5 mm.
        threshold_growth: Exponent by which it grows with wavelength.
        isotropy: How many times the energy that all directions have in common is taken off.
        octave_gain: Factors of heights, from waves of 0.7 mm on, octave by octave.
        limit_mm: Largest height.
    """

    crease: float = 0.35
    doubt: float = 0.55
    threshold: float = 0.016
    threshold_growth: float = 0.5
    isotropy: float = 2.5
    octave_gain: tuple[float, ...] = (1.0, 1.3, 1.3, 1.3, 1.3, 1.3)
    limit_mm: float = 2.5

    def __post_init__(self) -> None:
        if self.doubt <= 0 or self.limit_mm <= 0:
            raise ConfigError(
                f"relief: expected a positive doubt and limit_mm, got {self.doubt:g} and {self.limit_mm:g}."
            )


def find_relief(evidence: Evidence, config: ReliefConfig) -> Float[Tensor, "batch size size"]:
    """Heights along the normal, millimetres; 0 where nothing is seen or displaced.

    Args:
        evidence: Photos against their coarse faces.
        config: What is taken for relief.
    """
    return torch.stack([_of_face(evidence, row, config) for row in range(len(evidence.weight))])


def _of_face(evidence: Evidence, row: int, config: ReliefConfig) -> Float[Tensor, "size size"]:
    weight = evidence.weight[row]
    size = len(weight)
    light = evidence.log_ratio[row].mean(dim=0).clamp(-_LARGEST_LOG, _LARGEST_LOG)
    texel_mm = _texel_mm(evidence)[row]
    # Of the light for a millimetre over one texel of this map.
    slopes = evidence.light_slopes[row] * (size / REFERENCE_PX)
    maps = torch.cat((slopes, texel_mm[None], weight[None]))
    height = torch.zeros_like(weight)
    count = max(1, round(math.log2(size / _COARSEST_PX)) + 1)
    for level in levels(filled(light, weight), count):
        height += enlarged(_of_level(level, _halved(maps, level.halvings), config), level.halvings)
    edge = (weight / _WELL_SEEN).clamp_max(1)
    limit = config.limit_mm
    return limit * torch.tanh(edge * height / limit)


def _of_level(
    level: Level, maps: Float[Tensor, "4 rows columns"], config: ReliefConfig
) -> Float[Tensor, "rows columns"]:
    """Heights of one octave's waves."""
    scale = 2**level.halvings
    slope_u, slope_v = maps[:2] / scale
    texel_mm, weight = maps[2] * scale, maps[3]
    wave_mm = 4 * float((texel_mm * weight).sum() / weight.sum().clamp_min(1e-6))
    along = directions(weight.device)[:, :, None, None]
    shading = along[:, 0] * slope_u + along[:, 1] * slope_v
    factor = torch.complex((config.crease / texel_mm).expand_as(shading), shading)
    answer = factor.conj() / (factor.abs().square() + (config.doubt / texel_mm).square())
    octave = min(max(round(math.log2(max(wave_mm, 0.1) / 0.7)), 0), len(config.octave_gain) - 1)
    heights = (answer * level.per_wave * _lines(level, wave_mm, config)).real.sum(dim=0)
    return config.octave_gain[octave] * _inside(weight) * heights


def _lines(level: Level, wave_mm: float, config: ReliefConfig) -> Float[Tensor, "directions rows columns"]:
    """Share of each direction's waves that belongs to lines: Wiener's, with what is no line as the noise."""
    energy = _averaged(level.waves.abs().square(), 2)
    alike = energy.sort(dim=0).values[: DIRECTIONS // 2].mean(dim=0, keepdim=True)
    threshold = config.threshold * (wave_mm / _REFERENCE_WAVE_MM) ** config.threshold_growth
    lines = (energy - config.isotropy * alike - threshold**2).clamp_min(0)
    return lines / energy.clamp_min(_FAINT)


def _inside(weight: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """1 on skin, 0 where a wave would reach over its edge."""
    around = _averaged(weight[None].clamp(0, _WELL_SEEN) / _WELL_SEEN, 1)[0]
    return ((around - 0.5) / 0.45).clamp(0, 1)


def filled(
    image: Float[Tensor, "rows columns"], weight: Float[Tensor, "rows columns"]
) -> Float[Tensor, "rows columns"]:
    """A map whose unseen texels continue what is seen around, fading out, so that its edges are no lines."""
    # Texels at the very edge have the colours of what lies beside the skin.
    trusted = (weight - 0.1).clamp_min(0) / 0.9
    stack = [torch.stack((image * trusted, trusted))]
    while stack[-1].shape[-1] > 16:
        stack.append(torch.nn.functional.avg_pool2d(stack[-1], 2))
    found = stack[-1][0] / stack[-1][1].clamp_min(1e-3)
    for values, seen in reversed(stack[:-1]):
        around = torch.nn.functional.interpolate(found[None, None], size=values.shape, mode="bilinear")[0, 0]
        found = (values + 0.02 * around) / (seen + 0.02)
    reach = max(2, len(image) // 64)
    return found * _averaged((weight > 0).float()[None], reach)[0]


def _averaged(maps: Float[Tensor, "count rows columns"], reach: int) -> Tensor:
    """Means over squares, twice: nearly a Gaussian."""
    for _ in range(2):
        maps = torch.nn.functional.avg_pool2d(
            maps[:, None], 2 * reach + 1, 1, reach, count_include_pad=False
        )[:, 0]
    return maps


def _halved(maps: Float[Tensor, "count rows columns"], halvings: int) -> Tensor:
    return torch.nn.functional.avg_pool2d(maps, 2**halvings) if halvings else maps


def light_on_heights(
    evidence: Evidence, height_mm: Float[Tensor, "batch size size"], config: ReliefConfig
) -> tuple[Float[Tensor, "batch size size"], Float[Tensor, "batch size size"]]:
    """Logarithm of the light that heights make, to first order: by shading, and by dark valleys.

    Args:
        evidence: Light and surface.
        height_mm: Along the normals.
        config: How dark valleys are.
    """
    size = height_mm.shape[-1]
    by_v, by_u = torch.gradient(height_mm, dim=(-2, -1))
    slopes = evidence.light_slopes * (size / REFERENCE_PX)
    shading = slopes[:, 0] * by_u + slopes[:, 1] * by_v
    v, u = torch.fft.fftfreq(size)[:, None], torch.fft.fftfreq(size)[None]
    steepness = torch.fft.ifft2(torch.fft.fft2(height_mm) * 2 * math.pi * torch.sqrt(u * u + v * v)).real
    return shading, config.crease * steepness / _texel_mm(evidence)


def _texel_mm(evidence: Evidence) -> Float[Tensor, "batch size size"]:
    surface = evidence.surface
    sides = torch.stack((surface.along_u, surface.along_v)).norm(dim=-1) / evidence.weight.shape[-1]
    return sides.mean(dim=0).clamp_min(_LEAST_TEXEL_MM)
