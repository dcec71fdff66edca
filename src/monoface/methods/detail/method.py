"""The fine stage: a translator that learns heights, while coarse face, light and albedo stay as they are."""

from collections.abc import Mapping
from typing import Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from monoface.core.errors import DataError
from monoface.data.batches.detail_batch import DetailBatch, PicturedDetailBatch
from monoface.displacement.displacer import Displacement, Displacer
from monoface.displacement.evidence import ShadingMaps
from monoface.facemodel import FaceModel
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.losses.smoothness import displacement_size, map_roughness, masked_mean
from monoface.methods.contract import StepResult
from monoface.methods.detail.config import DetailConfig
from monoface.methods.detail.looks import Look
from monoface.methods.detail.mesh_losses import MeshLosses
from monoface.methods.detail.pixel_terms import Pictures
from monoface.methods.detail.texture_terms import again_term, known_terms, light_term, photo_term
from monoface.networks import Translator


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
        self._mesh = MeshLosses(self.displacer) if self.config.losses != "texture" else None

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The translator alone."""
        return {"translator": self.translator}

    def to(self, device: torch.device) -> Self:
        """Move the translator, and what heights are found with; see `Method.to`."""
        self.translator.to(device)
        self.displacer = self.displacer.to(device)
        if self._mesh is not None:
            self._mesh = self._mesh.to(self.displacer)
        return self

    def step(self, batch: DetailBatch) -> StepResult:
        """Losses of one batch."""
        terms = self._texture_terms(batch) if self._mesh is None else self._mesh_terms(batch)
        total = torch.stack([self._weight(name) * value for name, value in terms.items()]).sum(dim=0).mean()
        logged = {name: float(value.detach().mean()) for name, value in terms.items()}
        return StepResult({"translator": total}, logged)

    def _mesh_terms(self, batch: DetailBatch) -> dict[str, Tensor]:
        assert self._mesh is not None
        with torch.no_grad():
            evidence = self.displacer.evidence(
                batch.photo, batch.seen, batch.verts_camera, batch.albedo, batch.light
            )
        found = self.displacer.read(self.displacer.run(self.translator, batch.maps), evidence.weight)
        pictures = pictures_of(batch) if self.config.losses == "mesh" else None
        return self._mesh.terms(found.height_mm, evidence, batch.albedo, batch.rotation, pictures)

    def _texture_terms(self, batch: DetailBatch) -> dict[str, Tensor]:
        """Every term by name, before weighting, one value a sample."""
        whole = self._look(batch)
        grafts = whole.height_mm[batch.donor], whole.paint[batch.donor]
        share = (batch.graft * batch.known)[:, None, None]
        look = (
            whole.grafted(share * grafts[0], share * grafts[1]).blurred(batch.blur).mirrored(batch.mirrored)
        )
        found, weight = self._find(look.shown), look.shown.weight
        terms = {
            "photo": photo_term(found, look.shown),
            "size": displacement_size(found.height_mm, weight),
            "smooth_map": map_roughness(found.height_mm),
        }
        if self.config.has_residual:
            terms["residual"] = masked_mean(found.residual.abs(), weight)
        if self.config.height_weight or self.config.slope_weight:
            texel_mm = self.displacer.cropped(self.displacer.texel_mm)
            known = known_terms(found, look, texel_mm, self.config.slope_limit)
            terms |= {name: value * batch.known for name, value in known.items()}
        if self.config.light_weight:
            both = torch.minimum(weight, weight[batch.twin])
            other_mm = found.height_mm[batch.twin]
            terms["light"] = light_term(found.height_mm, other_mm, both, self.config.light_limit)
        if self.config.again_weight:
            rows = (~batch.known).nonzero()[:, 0]
            added = [batch.graft[rows, None, None] * values[rows] for values in grafts]
            terms["again"] = self._again(whole, found.height_mm, batch, rows, added)
        return terms

    def _again(
        self,
        whole: Look,
        height_mm: Float[Tensor, "batch rows columns"],
        batch: DetailBatch,
        rows: Int[Tensor, " photos"],
        added: list[Float[Tensor, "photos rows columns"]],
    ) -> Float[Tensor, " batch"]:
        """Photos seen a second time: their mirror images, with relief and paint of a synthetic head added."""
        apart = torch.zeros_like(height_mm[:, 0, 0])
        if not len(rows):
            return apart
        chosen = batch.mirrored[rows]
        plain = Look(whole.shown[rows], whole.height_mm[rows], whole.paint[rows])
        turned = plain.grafted(added[0], added[1]).mirrored(~chosen)
        again = self._find(turned.shown).height_mm.flip(-1)
        more = torch.where(chosen[:, None, None], added[0].flip(-1), added[0])
        weight = turned.shown.weight.flip(-1)
        return apart.index_copy(0, rows, again_term(height_mm[rows], again, more, weight))

    def _look(self, batch: DetailBatch) -> Look:
        maps, height, paint = map(self.displacer.cropped, (batch.maps, batch.height_mm, batch.paint))
        return Look(ShadingMaps(maps, self.displacer.layout.size), height, paint)

    def _find(self, shown: ShadingMaps) -> Displacement:
        return self.displacer.read(self.translator(self.displacer.seen(shown.maps)), shown.weight)

    def _weight(self, name: str) -> float:
        weight: float = getattr(self.config, f"{name}_weight")
        return weight


def pictures_of(batch: DetailBatch) -> Pictures:
    """The photos of a batch, as they were before they were unwrapped.

    Raises:
        DataError: If the packs that it is from have none.
    """
    if not isinstance(batch, PicturedDetailBatch):
        raise DataError(
            "detail: expected packs with pictures for losses on pixels, got some without. Delete their "
            "folders to make them anew, or take losses=mesh_texels."
        )
    camera = WeakPerspectiveCamera(batch.camera[:, 0], batch.camera[:, 1:])
    return Pictures(batch.picture, camera)
