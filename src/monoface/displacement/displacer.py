"""From an unwrapped photo and its coarse face to heights, and to the normals that they make."""

import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.displacement.config import DisplacementConfig
from monoface.displacement.evidence import Evidence, ShadingMaps, find_evidence
from monoface.facemodel import FaceModel
from monoface.facemodel.detail_region import detail_weight
from monoface.networks import Translator
from monoface.render import TextureLayout
from monoface.render.texture_surface import TextureSurface, maps_from_vertices
from monoface.shading.displacement import displaced_normals

_MODEL_Z = (0.0, 0.0, 1.0)
_QUIETENED = 0.9
# Weight from which heights are given in full.
_WELL_SEEN = 0.3
# Between the charts texels have no size.
_LEAST_TEXEL_MM = 0.3


@dataclass(frozen=True)
class Displacement:
    """What a translator makes of a batch.

    Attributes:
        height_mm: Along the configuration's axis; 0 where nothing is seen or displaced.
        residual: Logarithm of what is paint and no relief; zero if the network has no such map.
    """

    height_mm: Float[Tensor, "batch rows columns"]
    residual: Float[Tensor, "batch rows columns"]


class Displacer:
    """Prepares what translators see for faces of one model, and reads what they put out.

    Texture space is laid out on the CPU, where it runs unless it is moved.

    Attributes:
        layout: Texture space of the model.
        region: How far each texel may be displaced, 0 to 1.
        window: Rows and columns around that region, of maps as translators see them; they see no more.
    """

    def __init__(self, model: FaceModel, config: DisplacementConfig, texture_px: int | None = None) -> None:
        self.model = model
        self.config = config
        self.layout = TextureLayout.from_mesh(model.faces, model.uv, texture_px or config.texture_px)
        self.region = self.layout.from_vertices(detail_weight(model)[:, None])[..., 0]
        self._seen_px = config.texture_px if config.sees == "shading" else self.layout.size
        region = resized_maps(self.region[None, None], self._seen_px)[0, 0]
        self.window = _window(region, max(16, config.translator.multiple))

    def to(self, device: torch.device) -> "Displacer":
        """The same on another device; the face model is copied, for others share it."""
        if self.region.device == device:
            return self
        moved = copy.copy(self)
        moved.model = copy.deepcopy(self.model).to(device)
        moved.layout = self.layout.to(device)
        moved.region = self.region.to(device)
        moved.__dict__.pop("texel_mm", None)
        return moved

    def evidence(
        self,
        photo: Float[Tensor, "batch 3 size size"],
        seen: Float[Tensor, "batch size size"],
        verts_camera: Float[Tensor, "batch verts 3"],
        albedo: Float[Tensor, "batch albedo"],
        light: Float[Tensor, "batch 9 3"],
    ) -> Evidence:
        """Compare unwrapped photos with coarse faces.

        Args:
            photo: sRGB, 0 to 1.
            seen: Weights of the unwrapped photos.
            verts_camera: Vertices in the camera frame, millimetres.
            albedo: Coefficients.
            light: In the camera frame.
        """
        model = self.model
        surface = TextureSurface.from_vertices(verts_camera, self.layout, model.uv, model.weld)
        colours = maps_from_vertices(model.albedo(albedo), self.layout)
        return find_evidence(photo, seen * self.region, colours, light, surface)

    def run(
        self, translator: Translator, maps: Float[Tensor, "batch channels size size"]
    ) -> Float[Tensor, "batch outputs size size"]:
        """Output of a translator, which sees only the part that may be displaced; zero elsewhere.

        It sees maps of `shading` at the size that it was made for, whatever the texture's size: at another
        one everything looks wider or narrower than it has learned.
        """
        output = translator(self.seen(self.cropped(resized_maps(maps, self._seen_px))))
        rows, columns = self.window
        size = self._seen_px
        around = (columns.start, size - columns.stop, rows.start, size - rows.stop)
        return resized_maps(torch.nn.functional.pad(output, around), self.layout.size)

    def cropped(self, maps: Float[Tensor, "*batch size size"]) -> Float[Tensor, "*batch rows columns"]:
        """The part of maps within the window."""
        return maps[(..., *self.window)]

    def seen(
        self, maps: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch inputs rows columns"]:
        """What a translator gets of `Evidence.as_input`, within the window."""
        if self.config.sees != "shading":
            return maps
        return ShadingMaps(maps, self.layout.size).with_apparent_slopes()

    @cached_property
    def texel_mm(self) -> Float[Tensor, "2 size size"]:
        """Sides of texels along u and v on the mean face, millimetres."""
        model = self.model
        surface = TextureSurface.from_vertices(model.mean_mm[None], self.layout, model.uv, model.weld)
        sides = torch.stack((surface.along_u[0], surface.along_v[0])).norm(dim=-1) / self.layout.size
        return sides.clamp_min(_LEAST_TEXEL_MM)

    def read(
        self, output: Float[Tensor, "batch outputs rows columns"], weight: Float[Tensor, "batch rows columns"]
    ) -> Displacement:
        """Heights and residual of a translator's output, whole or within the window."""
        edge = (weight / _WELL_SEEN).clamp_max(1)
        height = edge * _quietened(self.config.limit_mm * output[:, 0], self.config.dead_zone_mm)
        residual = output[:, 1] * edge if self.config.has_residual else torch.zeros_like(height)
        return Displacement(height, residual)

    def find(self, translator: Translator, evidence: Evidence) -> Displacement:
        """What a translator makes of evidence.

        Of `shading`: the mean of what it says of a face and of its mirror image, which errs less than either.
        """
        maps = evidence.as_input(self.config.sees)
        output = self.run(translator, maps)
        if self.config.sees == "shading":
            mirrored = ShadingMaps(maps, self.layout.size).mirrored().maps
            output = (output + self.run(translator, mirrored).flip(-1)) / 2
        return self.read(output, evidence.weight)

    def normals(
        self,
        height_mm: Float[Tensor, "batch size size"],
        surface: TextureSurface,
        rotation: Float[Tensor, "batch 3 3"] | None = None,
    ) -> Float[Tensor, "batch size size 3"]:
        """Unit normals of displaced surfaces.

        Args:
            height_mm: Heights along the configuration's axis.
            surface: The coarse faces.
            rotation: From the model frame to that of the surface, which only `model_z` needs; none, if that
                is the model frame itself.
        """
        axes = (surface.normals, surface.along_u, surface.along_v, height_mm)
        return displaced_normals(*axes, self.directions(surface, rotation))

    def directions(
        self, surface: TextureSurface, rotation: Float[Tensor, "batch 3 3"] | None = None
    ) -> Float[Tensor, "batch size size 3"]:
        """What heights move texels along; see `normals`."""
        if self.config.axis == "normal":
            return surface.normals
        axis = surface.normals.new_tensor(_MODEL_Z)
        turned = axis[None] if rotation is None else rotation @ axis
        return turned[:, None, None].expand_as(surface.normals)


def _quietened(height_mm: Tensor, dead_zone_mm: float) -> Tensor:
    """See `DisplacementConfig.dead_zone_mm`. Some slope is left everywhere: heights can be learned."""
    if not dead_zone_mm:
        return height_mm
    return height_mm - _QUIETENED * dead_zone_mm * (height_mm / dead_zone_mm).tanh()


def resized_maps(maps: Float[Tensor, "batch channels rows columns"], size: int) -> Tensor:
    """Maps at another size: means over squares if it is smaller, linear between texels if it is larger."""
    if maps.shape[-1] == size:
        return maps
    if maps.shape[-1] > size:
        return torch.nn.functional.interpolate(maps, size=(size, size), mode="area")
    return torch.nn.functional.interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)


def _window(region: Float[Tensor, "size size"], multiple: int) -> tuple[slice, slice]:
    """Rows and columns around a region, of sizes that a translator takes; columns alike from both sides."""
    size = len(region)
    rows, columns = ((region > 0).any(dim=axis).nonzero()[:, 0] for axis in (1, 0))
    top, bottom = int(rows[0]) // multiple * multiple, -(-int(rows[-1] + 1) // multiple) * multiple
    beside = min(int(columns[0]), size - 1 - int(columns[-1]))
    width = -(-(size - 2 * beside) // multiple) * multiple
    left = max(0, (size - width) // 2)
    return slice(top, min(bottom, size)), slice(left, min(left + width, size))
