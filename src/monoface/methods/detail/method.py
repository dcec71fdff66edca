"""The fine stage: a translator that learns heights, while coarse face, light and albedo stay as they are."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.errors import DataError
from monoface.data.detail_packs import DetailBatch, PicturedDetailBatch
from monoface.facemodel import FaceModel
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.losses.smoothness import displacement_size, map_roughness, masked_mean
from monoface.methods.contract import StepResult
from monoface.methods.detail.config import DetailConfig
from monoface.methods.detail.displacer import Displacement, Displacer
from monoface.methods.detail.maps import ShadingMaps
from monoface.methods.detail.mesh_losses import MeshLosses
from monoface.methods.detail.pixel_terms import Pictures
from monoface.networks import Translator
from monoface.shading.displacement import height_slopes

# Squared errors grow linearly beyond this logarithm of light: hair, glasses, highlights.
_ROBUST_LOG = 0.1
# Errors of heights and slopes below this, for slopes over one texel, count as squares. Most of a face is
# smooth: with absolute errors, to displace nothing would be the best guess wherever a wrinkle is uncertain.
_SMOOTH_MM = 0.2


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

    def step(self, batch: DetailBatch) -> StepResult:
        """Losses of one batch."""
        output = self.displacer.run(self.translator, batch.maps)
        terms = self._texture_terms(output, batch) if self._mesh is None else self._mesh_terms(output, batch)
        total = torch.stack([self._weight(name) * value for name, value in terms.items()]).sum(dim=0).mean()
        logged = {name: float(value.detach().mean()) for name, value in terms.items()}
        return StepResult({"translator": total}, logged)

    def _mesh_terms(self, output: Tensor, batch: DetailBatch) -> dict[str, Tensor]:
        assert self._mesh is not None
        with torch.no_grad():
            evidence = self.displacer.evidence(
                batch.photo, batch.seen, batch.verts_camera, batch.albedo, batch.light
            )
        found = self.displacer.read(output, evidence.weight)
        pictures = pictures_of(batch) if self.config.losses == "mesh" else None
        return self._mesh.terms(found.height_mm, evidence, batch.albedo, batch.rotation, pictures)

    def _texture_terms(self, output: Tensor, batch: DetailBatch) -> dict[str, Tensor]:
        """Every term by name, before weighting, one value a sample."""
        shown = ShadingMaps(batch.maps)
        weight, found = shown.weight, self.displacer.read(output, shown.weight)
        height = found.height_mm
        terms = {
            "photo": _photo_term(found, shown),
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
        if self.config.mirror_weight:
            terms["mirror"] = self._mirror_term(height, shown, ~batch.known)
        return terms

    def _mirror_term(self, height_mm: Tensor, shown: ShadingMaps, asked: Tensor) -> Float[Tensor, " batch"]:
        """Heights of some mirror images, turned back, against those of the faces themselves."""
        rows = asked.nonzero()[:, 0]
        apart = torch.zeros_like(height_mm[:, 0, 0])
        if not len(rows):
            return apart
        part = shown[rows]
        output = self.displacer.run(self.translator, part.mirrored().maps).flip(-1)
        difference = self.displacer.read(output, part.weight).height_mm - height_mm[rows]
        return apart.index_copy(0, rows, masked_mean(difference.abs(), part.weight))

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


def _photo_term(found: Displacement, shown: ShadingMaps) -> Float[Tensor, " batch"]:
    """Light and albedo are given: only heights, and the residual where there is one, can explain."""
    error = shown.grey - shown.weight * (shown.explained(found.height_mm) + found.residual)
    robust = (error.square() + _ROBUST_LOG**2).sqrt() - _ROBUST_LOG
    return masked_mean(robust, shown.weight.sign())


def _known_terms(found: Displacement, weight: Tensor, batch: DetailBatch) -> dict[str, Tensor]:
    """Errors of heights, slopes and paint where they are known; zero elsewhere."""
    known, size = batch.known.to(weight), weight.shape[-1]
    height, true = found.height_mm, batch.height_mm
    slopes = [
        _smooth_error((one - other) / size)
        for one, other in zip(height_slopes(height), height_slopes(true), strict=True)
    ]
    # Most of a face is smooth: texels with relief or paint count more, but not so much more that it pays to
    # see wrinkles where there are none.
    interest = weight * (1 + 2 * (true.abs() / 0.2).clamp(0, 1) + 2 * (batch.paint.abs() / 0.3).clamp(0, 1))
    return {
        "height": masked_mean(_smooth_error(height - true), interest) * known,
        "slope": masked_mean(slopes[0] + slopes[1], interest) * known,
        "paint": masked_mean((found.residual - batch.paint).abs(), weight) * known,
    }


def _smooth_error(difference: Tensor) -> Tensor:
    """Absolute difference in millimetres; its square over twice the limit, where it is small."""
    return (difference.square() + _SMOOTH_MM**2).sqrt() - _SMOOTH_MM
