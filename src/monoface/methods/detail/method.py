"""The fine stage: a translator that learns heights, while coarse face, light and albedo stay as they are."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.data.detail_packs import DetailBatch
from monoface.facemodel import FaceModel
from monoface.losses.smoothness import displacement_size, map_roughness, masked_mean
from monoface.methods.contract import StepResult
from monoface.methods.detail.config import DetailConfig
from monoface.methods.detail.displacer import Displacement, Displacer
from monoface.methods.detail.maps import Evidence, log_shading_change
from monoface.methods.detail.mesh_losses import MeshLosses
from monoface.networks import Translator
from monoface.shading.displacement import height_slopes

# Squared errors grow linearly beyond this logarithm of light: hair, glasses, highlights.
_ROBUST_LOG = 0.1
# Slopes are compared for a texel: a height of a tenth of a millimetre a texel is a slope of about 0.08.
_SMOOTH_MM = 0.01


class Detail:
    """Learns from unwrapped photos, and from heads whose relief is known.

    Args:
        model: The face model; has the landmark set `ibug68`.
        config: Form and weights.
    """

    def __init__(self, model: FaceModel, config: DetailConfig | None = None) -> None:
        self.config = config or DetailConfig()
        self.displacer = Displacer(model, self.config)
        self.translator = Translator(self.config.translator)
        self._mesh = MeshLosses(self.displacer) if self.config.losses == "mesh" else None

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The translator alone."""
        return {"translator": self.translator}

    def step(self, batch: DetailBatch) -> StepResult:
        """Losses of one batch."""
        with torch.no_grad():
            evidence = self.displacer.evidence(
                batch.photo, batch.seen, batch.verts_camera, batch.albedo, batch.light
            )
            maps = evidence.as_input(self.config.sees)
        output = self.displacer.run(self.translator, maps)
        found = self.displacer.read(output, evidence)
        terms = self._terms(found, evidence, batch)
        if self.config.mirror_weight:
            terms["mirror"] = self._mirror_term(maps, found, evidence, batch.known)
        total = torch.stack([self._weight(name) * value for name, value in terms.items()]).sum(dim=0).mean()
        logged = {name: float(value.detach().mean()) for name, value in terms.items()}
        return StepResult({"translator": total}, logged)

    def _terms(self, found: Displacement, evidence: Evidence, batch: DetailBatch) -> dict[str, Tensor]:
        """Every term by name, before weighting, one value a sample."""
        if self._mesh is not None:
            return self._mesh.terms(found.height_mm, evidence, batch.photo, batch.rotation)
        weight, height = evidence.weight, found.height_mm
        terms = {
            "photo": self._photo_term(found, evidence, batch.rotation),
            "size": displacement_size(height, weight),
            "smooth_map": map_roughness(height),
        }
        if self.config.has_residual:
            terms["residual"] = masked_mean(found.residual.abs(), weight)
        if self.config.height_weight or self.config.slope_weight:
            terms |= _known_terms(found, weight, batch)
        if self.config.light_weight:
            both = torch.minimum(weight, weight[batch.twin])
            terms["light"] = masked_mean((height - height[batch.twin]).abs(), both)
        return terms

    def _photo_term(
        self, found: Displacement, evidence: Evidence, rotation: Float[Tensor, "batch 3 3"]
    ) -> Float[Tensor, " batch"]:
        """Light and albedo are given: only heights, and the residual where there is one, can explain."""
        fine = self.displacer.normals(found.height_mm, evidence.surface, rotation)
        explained = log_shading_change(fine, evidence) + found.residual
        error = evidence.log_ratio.mean(dim=1) - explained
        robust = (error.square() + _ROBUST_LOG**2).sqrt() - _ROBUST_LOG
        return masked_mean(robust, evidence.weight)

    def _mirror_term(
        self, maps: Tensor, found: Displacement, evidence: Evidence, known: Tensor
    ) -> Float[Tensor, " batch"]:
        """Heights of the mirror images, turned back, against those found; only where the truth is not known."""
        if bool(known.all()):
            return torch.zeros_like(found.height_mm[:, 0, 0])
        rows = (~known).nonzero()[:, 0]
        chosen = maps[rows]
        turned = evidence.mirrored(chosen) if self.config.sees == "shading" else chosen.flip(-1)
        mirrored = self.displacer.run(self.translator, turned).flip(-1)
        part = evidence.rows(rows)
        other = self.displacer.read(mirrored, part)
        apart = masked_mean((found.height_mm[rows] - other.height_mm).abs(), part.weight)
        return torch.zeros_like(found.height_mm[:, 0, 0]).index_copy(0, rows, apart)

    def _weight(self, name: str) -> float:
        weight: float = getattr(self.config, f"{name}_weight")
        return weight


def _known_terms(found: Displacement, weight: Tensor, batch: DetailBatch) -> dict[str, Tensor]:
    """Errors of heights, slopes and paint where they are known; zero elsewhere."""
    known, size = batch.known.to(weight), weight.shape[-1]
    height, true = found.height_mm, batch.height_mm
    slopes = [
        (one - other).abs() / size
        for one, other in zip(height_slopes(height), height_slopes(true), strict=True)
    ]
    # Most of a face is smooth: texels with relief or paint count more.
    interest = weight * (1 + 8 * (true.abs() / 0.2).clamp(0, 1) + 4 * (batch.paint.abs() / 0.3).clamp(0, 1))
    return {
        "height": masked_mean((height - true).abs(), interest) * known,
        "slope": masked_mean(slopes[0] + slopes[1], interest) * known,
        "paint": masked_mean((found.residual - batch.paint).abs(), weight) * known,
    }
