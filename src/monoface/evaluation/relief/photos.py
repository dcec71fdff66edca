"""How much of a photo its relief explains, with the light as it was fitted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.core.errors import DataError
from monoface.displacement.evidence import Evidence
from monoface.displacement.relief import ReliefConfig, light_on_heights
from monoface.evaluation.relief.bands import band_passed
from monoface.pipeline import Reconstructor

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp")
WAVES_MM: Final = (2.8, 12.0)
# Texels that count.
_LEAST_WEIGHT = 0.3
SIZE_PX: Final = 512
"""Side of the maps: all photos alike, so that one's relief can be laid on another."""


@dataclass(frozen=True, eq=False)
class PhotoRelief:
    """A photo and the relief found in it.

    Attributes:
        key: The photo's name.
        evidence: The photo against its coarse face; None if no face was found.
        height_mm: Relief.
        failure: Why there is none.
    """

    key: str
    evidence: Evidence | None = None
    height_mm: Float[Tensor, "1 size size"] | None = None
    failure: str = ""

    def figures(self, other: "PhotoRelief") -> dict[str, float]:
        """Figures by the name of the measure; without another one's relief, it explains nothing."""
        assert self.evidence is not None
        assert self.height_mm is not None
        chosen = self.evidence.weight[0] > _LEAST_WEIGHT
        shading, dark = light_on_heights(self.evidence, self.height_mm, ReliefConfig())
        foreign = 0.0
        if other is not self and other.height_mm is not None:
            foreign_light = light_on_heights(self.evidence, other.height_mm, ReliefConfig())
            foreign = self.explained(foreign_light[0] + foreign_light[1])
        return {
            "explained_percent": self.explained(shading + dark),
            "by_shading_percent": self.explained(shading),
            "by_another_percent": foreign,
            "height_mm": float(self.height_mm[0][chosen].abs().mean()),
        }

    def explained(self, light: Float[Tensor, "1 size size"]) -> float:
        """Percent of the photo's light that a logarithm of light explains."""
        assert self.evidence is not None
        weight = self.evidence.weight[0]
        chosen = weight > _LEAST_WEIGHT
        surface, size = self.evidence.surface, len(weight)
        sides = torch.stack((surface.along_u[0], surface.along_v[0])).norm(dim=-1)[:, chosen] / size
        maps = torch.stack((self.evidence.log_ratio[0].mean(dim=0), light[0]))
        seen, told = band_passed(maps, weight, WAVES_MM, float(sides.mean()))[:, chosen]
        both = float((seen * told).sum()) / max(float(seen.norm() * told.norm()), 1e-9)
        return 100 * max(both, 0.0) ** 2


@torch.no_grad()
def read_photos(folder: Path, tools: Reconstructor) -> list[PhotoRelief]:
    """Relief of all photos of a folder, in maps of 512 texels.

    Raises:
        DataError: If there is none.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise DataError(f"{folder}: expected photos ({', '.join(SUFFIXES)}), found none.")
    found = []
    for path in paths:
        result = tools.reconstruct(path)
        if not result.all_faces:
            found.append(PhotoRelief(path.stem, failure=result.reason))
            continue
        skin = result.all_faces[0].skin
        assert skin.assets.detailer is not None
        detailer, mesh = skin.assets.detailer.at(SIZE_PX), skin.placed_mesh
        evidence = detailer.evidence(mesh, skin.fitted_appearance, skin.parsed.trust())
        if not (evidence.weight > _LEAST_WEIGHT).any():
            found.append(PhotoRelief(path.stem, failure="next to no skin is seen"))
            continue
        found.append(PhotoRelief(path.stem, evidence, detailer.displacement(evidence).height_mm))
    return found
