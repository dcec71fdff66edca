"""How the fine stage weighs its terms, beside what it sees and how far it may displace."""

from dataclasses import dataclass
from typing import Literal, Self

from monoface.core.errors import ConfigError
from monoface.displacement.config import DisplacementConfig
from monoface.networks import TranslatorConfig


@dataclass(frozen=True)
class DetailConfig(DisplacementConfig):
    """The fine stage. The default is what we train; `published` has the form and weights of the paper's code.

    What the translator sees, and what its output means, is said by `DisplacementConfig`.

    Attributes:
        losses: `texture`: compared with the photo texel by texel, in the logarithm of light, to first order
            in slopes: cheap. `mesh`: the published losses, on the displaced dense mesh, drawn over the photo.
            `mesh_texels`: the same, but texels are compared with the unwrapped photo; nothing is drawn.
        picture_px: Side of the photos' crops that packs keep for `mesh`.
        photo_weight: Of the photometric error.
        height_weight: Of the squared error of known heights. This and the next weights are in units of what
            is usual on synthetic heads, so that a weight of one is about as much as a guess of nothing costs.
        slope_weight: Of the error of known slopes.
        slope_limit: Errors of slopes below this count as squares, above it by their size.
        paint_weight: Of the error of known paint: what is no relief, as a logarithm of light.
        light_weight: Of the difference of heights of one face under two lights.
        light_limit: Such differences below this, in millimetres, count as squares, above by their size. The
            default is for a run from the start; one that goes on (`--init`) may take a hundredth.
        again_weight: Of what is wrong when a photo is seen again, mirrored and with a known relief added.
        size_weight: Of the mean squared height.
        normal_weight: Of the mean squared change of normals.
        smooth_points_weight: Of the dead-zone term on positions (`mesh` only).
        smooth_normals_weight: Of the two dead-zone terms on normals (`mesh` only).
        smooth_map_weight: Of the squared differences of neighbouring texels.
        residual_weight: Of the mean absolute residual albedo. Without such a map, all that differs is relief.
    """

    losses: Literal["texture", "mesh", "mesh_texels"] = "texture"
    picture_px: int = 256
    photo_weight: float = 0.1
    height_weight: float = 2.0
    slope_weight: float = 1.5
    slope_limit: float = 0.005
    paint_weight: float = 0.1
    light_weight: float = 6.0
    light_limit: float = 0.1
    again_weight: float = 0.1
    size_weight: float = 0.02
    normal_weight: float = 0.0
    smooth_points_weight: float = 0.0
    smooth_normals_weight: float = 0.0
    smooth_map_weight: float = 0.2
    residual_weight: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.losses == "texture" and (self.sees, self.axis) != ("shading", "normal"):
            raise ConfigError(
                "detail: losses on the texture read the maps of `shading` and heights along the normal, "
                f"got {self.sees} and {self.axis}."
            )
        if self.picture_px < 16:
            raise ConfigError(f"detail: expected a picture_px of at least 16, got {self.picture_px}.")

    @classmethod
    def published(cls) -> Self:
        """The published fine stage: 22 M weights, 512 texels, 1 mm along z, losses on the mesh."""
        return cls(
            translator=TranslatorConfig.published(),
            texture_px=512,
            sees="difference",
            axis="model_z",
            limit_mm=1.0,
            dead_zone_mm=0.0,
            losses="mesh",
            picture_px=300,
            photo_weight=1.0,
            height_weight=0.0,
            slope_weight=0.0,
            paint_weight=0.0,
            light_weight=0.0,
            again_weight=0.0,
            size_weight=0.001,
            normal_weight=0.001,
            smooth_points_weight=1.0,
            smooth_normals_weight=1.0,
            smooth_map_weight=0.01,
            residual_weight=0.0,
        )
