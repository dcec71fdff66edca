"""What a photo shows beyond the coarse face, in texture space: the maps that translators see."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from monoface.displacement.config import TranslatorInput
from monoface.geometry.tangents import orthonormal_tangents
from monoface.render.texture_surface import TextureSurface
from monoface.shading import linear_to_srgb, sh_irradiance, srgb_to_linear
from monoface.shading.harmonics import matt_response

# Darker light than this is noise and clipping, whose logarithm says nothing.
_DARKEST = 0.015
_LARGEST_LOG = 1.0
# Logarithms of light are small numbers: networks see them larger.
_LOG_GAIN = 4.0
# Below this part of the mean light, degree 2 rings, and nothing is lit so little in a photo.
_LEAST_LIGHT = 0.2
# Changes over more than this part of the texture belong to albedo and light.
_SLOW = 1 / 32
# Where light answers to slopes by less than this, slopes are not asked of it.
_FAINT_SLOPE = 0.14
_SLOPE_GAIN = 0.5
# Slopes of light are given for a texel of this texture's size, about 1.3 mm.
REFERENCE_PX = 256


@dataclass(frozen=True)
class Evidence:
    """A photo against the coarse face that was fitted to it, texel by texel.

    Attributes:
        photo: Unwrapped photo, sRGB, 0 to 1.
        coarse: The coarse face in the same place, sRGB, 0 to 1.
        log_ratio: Logarithm of the photo's light over the coarse face's, slow changes taken off.
        weight: How far each texel is seen and may be displaced, 0 to 1.
        light_slopes: Change of the logarithm of grey light for a height that grows by a millimetre over one
            texel of `REFERENCE_PX`, along u and along v.
        light: Of the faces, as given.
        surface: Of the coarse faces, in the frame of the light.
    """

    photo: Float[Tensor, "batch 3 size size"]
    coarse: Float[Tensor, "batch 3 size size"]
    log_ratio: Float[Tensor, "batch 3 size size"]
    weight: Float[Tensor, "batch size size"]
    light_slopes: Float[Tensor, "batch 2 size size"]
    light: Float[Tensor, "batch 9 3"]
    surface: TextureSurface

    def as_input(self, sees: TranslatorInput) -> Float[Tensor, "batch channels size size"]:
        """Maps for a translator."""
        if sees == "difference":
            return 2 * (self.photo - self.coarse) * self.surface.mask
        if sees == "concatenated":
            return 2 * torch.cat((self.photo, self.coarse), dim=1) * self.surface.mask - 1
        red, green, blue = self.log_ratio.unbind(dim=1)
        grey = self.log_ratio.mean(dim=1)
        weight = self.weight
        logs = [_LOG_GAIN * weight * values for values in (grey, red - green, blue - green)]
        return torch.stack((*logs, *self.light_slopes.unbind(dim=1), weight, weight.sign()), dim=1)


@dataclass(frozen=True)
class ShadingMaps:
    """What `Evidence.as_input("shading")` gives, to be read again; whole maps, or a window of them.

    Attributes:
        maps: Its seven channels.
        texture_px: Side of the whole texture.
    """

    maps: Float[Tensor, "batch 7 rows columns"]
    texture_px: int

    @property
    def grey(self) -> Float[Tensor, "batch rows columns"]:
        """Grey logarithm of the photo over the coarse face, times the weight."""
        return self.maps[:, 0] / _LOG_GAIN

    @property
    def light_slopes(self) -> Float[Tensor, "batch 2 rows columns"]:
        """See `Evidence.light_slopes`."""
        return self.maps[:, 3:5]

    @property
    def weight(self) -> Float[Tensor, "batch rows columns"]:
        """See `Evidence.weight`."""
        return self.maps[:, 5]

    def with_apparent_slopes(self) -> Float[Tensor, "batch 9 rows columns"]:
        """The maps, and the slopes along u and v that would explain the light with none across it.

        They are what a network that multiplies nothing would have most trouble to find by itself.
        """
        squared = self.light_slopes.square().sum(dim=1, keepdim=True)
        slopes = self.maps[:, :1] * self.light_slopes / (squared + _FAINT_SLOPE**2)
        return torch.cat((self.maps, _SLOPE_GAIN * slopes), dim=1)

    def mirrored(self) -> "ShadingMaps":
        """Maps of the faces' mirror images: turned, and slopes along u change their sign."""
        signs = self.maps.new_tensor((1, 1, 1, -1, 1, 1, 1))
        return ShadingMaps(self.maps.flip(-1) * signs[:, None, None], self.texture_px)

    def blurred(self, share: Float[Tensor, " batch"]) -> "ShadingMaps":
        """Maps of faces whose photos are less sharp: light mixed with its mean over squares of two texels."""
        weight = self.maps[:, 5:6]
        both = _smoothed(torch.cat((self.maps[:, :3], weight), dim=1), 2)
        mean = weight * both[:, :3] / both[:, 3:].clamp_min(1e-3)
        logs = self.maps[:, :3] + share[:, None, None, None] * (mean - self.maps[:, :3])
        return ShadingMaps(torch.cat((logs, self.maps[:, 3:]), dim=1), self.texture_px)

    def changed(self, change: Float[Tensor, "batch rows columns"]) -> "ShadingMaps":
        """Maps of faces whose grey light has changed by a logarithm."""
        grey = self.maps[:, :1] + _LOG_GAIN * (self.weight * change)[:, None]
        return ShadingMaps(torch.cat((grey, self.maps[:, 1:]), dim=1), self.texture_px)

    def __getitem__(self, rows: Int[Tensor, " rows"]) -> "ShadingMaps":
        return ShadingMaps(self.maps[rows], self.texture_px)

    def explained(
        self,
        height_mm: Float[Tensor, "batch rows columns"],
        paint: Float[Tensor, "batch rows columns"] | None = None,
    ) -> Float[Tensor, "batch rows columns"]:
        """Change of the logarithm of grey light that heights along the normal cause, to first order.

        Slow changes are taken off, as they are of `grey`; not times the weight.

        Args:
            height_mm: Relief.
            paint: Logarithm of what changes the light besides.
        """
        by_v, by_u = torch.gradient(height_mm, dim=(-2, -1))
        slopes = self.light_slopes * (self.texture_px / REFERENCE_PX)
        change = slopes[:, 0] * by_u + slopes[:, 1] * by_v
        change = change if paint is None else change + paint
        return without_slow_changes(change[:, None], self.weight, self.texture_px)[:, 0]


def find_evidence(
    photo: Float[Tensor, "batch 3 size size"],
    weight: Float[Tensor, "batch size size"],
    albedo: Float[Tensor, "batch size size 3"],
    light: Float[Tensor, "batch 9 3"],
    surface: TextureSurface,
) -> Evidence:
    """Compare unwrapped photos with coarse faces.

    Args:
        photo: sRGB, 0 to 1.
        weight: How far each texel is seen and may be displaced, 0 to 1.
        albedo: Of the coarse faces, linear RGB.
        light: Spherical harmonics, linear RGB, in the frame of the surface.
        surface: The coarse faces.
    """
    lit = (albedo * irradiance(surface.normals, light)).movedim(-1, 1)
    log_ratio = ((srgb_to_linear(photo) + _DARKEST) / (lit + _DARKEST)).log()
    log_ratio = without_slow_changes(log_ratio.clamp(-_LARGEST_LOG, _LARGEST_LOG), weight)
    coarse = linear_to_srgb(lit.clamp(0, 1))
    return Evidence(photo, coarse, log_ratio, weight, _light_slopes(light, surface), light, surface)


def irradiance(
    normals: Float[Tensor, "batch size size 3"], light: Float[Tensor, "batch 9 3"]
) -> Float[Tensor, "batch size size 3"]:
    """Irradiance over pi, linear RGB; never less than a fifth of that from everywhere."""
    flat = normals.flatten(1, 2)
    everywhere = sh_irradiance(flat[:, :1], light[:, :1])
    return torch.maximum(sh_irradiance(flat, light), _LEAST_LIGHT * everywhere).view_as(normals) / math.pi


def log_shading_change(
    fine: Float[Tensor, "batch size size 3"], evidence: Evidence
) -> Float[Tensor, "batch size size"]:
    """Logarithm of grey light on fine normals over that on the coarse ones, slow changes taken off."""
    form = _quadratic_form(evidence.light.mean(dim=-1))
    least = _least_light(evidence.light)
    lit = [torch.maximum(_form_at(normals, form), least) for normals in (fine, evidence.surface.normals)]
    change = (lit[0] / lit[1]).log()
    return without_slow_changes(change[:, None], evidence.weight)[:, 0]


def without_slow_changes(
    maps: Float[Tensor, "batch channels rows columns"],
    weight: Float[Tensor, "batch rows columns"],
    texture_px: int | None = None,
) -> Float[Tensor, "batch channels rows columns"]:
    """Maps minus their weighted mean around each texel, over a few centimetres of a face.

    Args:
        maps: Whole, or a window whose sides and place are multiples of a thirty-second of the texture.
        weight: Of each texel.
        texture_px: Side of the whole texture; that of the maps, if not given.
    """
    both = torch.cat((maps * weight[:, None], weight[:, None]), dim=1)
    pool = max(1, round((texture_px or maps.shape[-1]) * _SLOW))
    smooth = _smoothed(_smoothed(both, pool), pool)
    return maps - smooth[:, :-1] / smooth[:, -1:].clamp_min(1e-3)


def _smoothed(maps: Tensor, pool: int) -> Tensor:
    """Means over squares, interpolated between."""
    coarse = torch.nn.functional.avg_pool2d(maps, pool)
    return torch.nn.functional.interpolate(coarse, size=maps.shape[-2:], mode="bilinear", align_corners=False)


def _light_slopes(light: Tensor, surface: TextureSurface) -> Float[Tensor, "batch 2 size size"]:
    """See `Evidence.light_slopes`. Light is a quadratic form of the normal, its slope a linear one."""
    form = _quadratic_form(light.mean(dim=-1))
    value = torch.maximum(_form_at(surface.normals, form), _least_light(light))
    normals = surface.normals
    bent = (normals.flatten(1, 2) @ form[1]).view_as(normals)
    slope = form[0][:, None, None] + bent
    maps = []
    for tangent in (surface.along_u, surface.along_v):
        direction = orthonormal_tangents(normals, tangent)
        texel_mm = (tangent.norm(dim=-1) / REFERENCE_PX).clamp_min(0.2)
        # A surface that rises along a direction turns its normal against it.
        maps.append(-(slope * direction).sum(dim=-1) / value / texel_mm)
    return torch.stack(maps, dim=1).clamp(-2, 2) * surface.mask


def _form_at(normals: Tensor, form: tuple[Tensor, Tensor, Tensor]) -> Float[Tensor, "batch size size"]:
    """Irradiance over pi of a grey light."""
    gradient, curvature, constant = form
    flat = normals.flatten(1, 2)
    value = ((flat @ (0.5 * curvature) + gradient[:, None]) * flat).sum(dim=-1) + constant[:, None]
    return value.view(normals.shape[:-1])


def _least_light(light: Tensor) -> Float[Tensor, "batch 1 1"]:
    """A part of the grey irradiance over pi from everywhere alike."""
    everywhere = matt_response(light[:, :1])[:, 0].mean(dim=-1)
    return (_LEAST_LIGHT * everywhere).clamp_min(1e-4)[:, None, None]


def _quadratic_form(light: Float[Tensor, "batch 9"]) -> tuple[Tensor, Tensor, Tensor]:
    """Irradiance over pi of a grey light as g n + n M n / 2 + c: g, M and c."""
    c, y, z, x, xy, yz, zz, xz, xx_yy = matt_response(light[..., None].expand(-1, -1, 3))[..., 0].unbind(
        dim=-1
    )
    gradient = torch.stack((x, y, z), dim=-1)
    rows = (
        torch.stack((2 * xx_yy, xy, xz), dim=-1),
        torch.stack((xy, -2 * xx_yy, yz), dim=-1),
        torch.stack((xz, yz, 6 * zz), dim=-1),
    )
    return gradient, torch.stack(rows, dim=-2), c - zz
