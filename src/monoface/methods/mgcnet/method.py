"""MGCNet: a regressor of geometry, albedo and light that learns from photos and from comparing views."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.data.batches import TrainingBatch
from monoface.data.views import MultiViewBatch
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel
from monoface.facemodel.coefficients import white_light
from monoface.facemodel.fitting import project_points
from monoface.facemodel.region_mesh import RegionMesh
from monoface.geometry.face_template import align_faces
from monoface.losses.coefficients import gaussian_prior, mean_squared
from monoface.losses.consistency import landmark_consistency
from monoface.losses.landmarks import landmark_distance
from monoface.losses.perceptual import cosine_distance
from monoface.losses.photometric import confident, photometric_distance
from monoface.losses.priors import white_light_prior
from monoface.methods.contract import StepResult
from monoface.methods.mgcnet.comparison import VIEWS, compare_landmarks, compare_pictures
from monoface.methods.mgcnet.config import MgcnetConfig, Shared
from monoface.methods.mgcnet.drawn import TARGET, DrawnViews, draw_views, reduced, shared_over_views
from monoface.methods.supervision import KnownFaces, PosedPrediction, Supervision
from monoface.networks import Regressor, RegressorConfig
from monoface.networks.identity import IdentityEncoder

# Gates of a sample: from which on pictures and depths, and landmarks, are compared.
_PICTURES, _LANDMARKS = 1, 2
# A focal length, in sides of the crop, at which perspective is as good as weak.
_FAR = 1e4
# Of the 68 points, those that are published to count more: the nose and the inner mouth.
_DETAIL = (*range(27, 36), *range(60, 68))


class Mgcnet:
    """Regressor of identity, expression, pose, albedo and light.

    A step sees three views of each sample. Each is supervised as a single view, by what is known and by its
    photo; samples that show one person are compared between views as well.

    Args:
        model: The face model; has the sets of the supervision and `ibug68`.
        config: Weights.
        encoder: Says who a face is, for the perceptual term; without it there is none.
    """

    def __init__(
        self, model: FaceModel, config: MgcnetConfig | None = None, encoder: IdentityEncoder | None = None
    ) -> None:
        self.config = config = config or MgcnetConfig()
        self.layout = replace(
            CoefficientLayout.of(model),
            albedo=model.albedo_size,
            light=True,
            focal_per_size=config.focal_per_size,
        )
        self.supervision = Supervision(model, config.view_px, config.supervision, self.layout)
        self.mesh = RegionMesh(model, config.region)
        self._landmarks = model.subset(model.landmarks(config.landmark_set)) if config.landmarks else None
        weights = torch.ones(68)
        weights[list(_DETAIL)] = config.landmark_detail
        self._landmark_weights = weights
        self.encoder = encoder
        self.regressor = Regressor(RegressorConfig(self.layout.size, config.input_px, config.backbone))

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The regressor alone."""
        return {"regressor": self.regressor}

    @property
    def set_names(self) -> tuple[str, ...]:
        """Landmark sets that batches should carry."""
        config = self.config
        names = (*config.supervision.set_weights, *config.views.epipolar_sets)
        return tuple(dict.fromkeys((*names, config.landmark_set) if config.landmarks else names))

    def to(self, device: torch.device) -> "Mgcnet":
        """Move the networks and the face model's points to a device."""
        for module in (self.regressor, self.supervision, self.mesh, self._landmarks, self.encoder):
            if isinstance(module, nn.Module):
                module.to(device)
        self._landmark_weights = self._landmark_weights.to(device)
        return self

    def step(self, batch: MultiViewBatch) -> StepResult:
        """Losses of one batch."""
        photo = batch.image.flatten(0, 1)
        with torch.autocast(photo.device.type, enabled=False):
            seen = reduced(photo, self.config.input_px)
        output, log_error = self.regressor(seen.contiguous(memory_format=torch.channels_last))
        # The eight bits of precision that autocast keeps are too few for geometry.
        with torch.autocast(photo.device.type, enabled=False):
            terms = self._terms(output, log_error, photo, batch)
        weights = self.config.term_weights
        means = {name: value.mean() for name, value in terms.items()}
        total = torch.stack([weights[name] * value for name, value in means.items()]).sum()
        logged = torch.stack(list(means.values())).detach().tolist()
        return StepResult({"regressor": total}, dict(zip(means, logged, strict=True)))

    def _terms(
        self, output: Tensor, log_error: Tensor, photo: Tensor, batch: MultiViewBatch
    ) -> dict[str, Tensor]:
        """Every term by name: a value for each view, or for each sample if views are compared."""
        config = self.config
        posed = self.supervision.decode(output, self._focal_per_size(batch))
        terms = self._supervised(posed, log_error, batch)
        drawn = self._draw(output, batch)
        small = reduced(photo, config.render_px)
        skin = confident(batch.skin.flatten(0, 1), config.skin_threshold)
        skin = reduced(skin[:, None], config.render_px)[:, 0]
        terms["photometric"] = photometric_distance(drawn.face.image, small, skin * drawn.face.mask)
        if self.encoder is not None and config.perceptual:
            terms["perceptual"] = self._perceptual(self.encoder, drawn, small)
        terms |= self._appearance(posed.coefficients, batch)
        if config.multi_view:
            terms |= self._agreement(posed.coefficients, batch)
            terms |= compare_pictures(drawn, small, self.mesh.faces, batch.gate >= _PICTURES, config.views)
            if config.views.epipolar:
                terms["epipolar"] = compare_landmarks(
                    posed.coefficients, posed.camera, batch.points_px, batch.gate >= _LANDMARKS, config.views
                )
        return terms

    def _supervised(
        self, posed: PosedPrediction, log_error: Tensor, batch: MultiViewBatch
    ) -> dict[str, Float[Tensor, " views"]]:
        """What is known about single views: landmarks and labels."""
        config, singles = self.config, _single_views(batch)
        terms = self.supervision.terms(posed, log_error, singles, self._known(batch))
        found = posed.coefficients
        if self._landmarks is not None:
            known_px = singles.points_px[config.landmark_set]
            projected_px = project_points(self._landmarks, found, posed.camera)
            terms["landmarks"] = landmark_consistency(
                projected_px, known_px, self._landmark_weights, known_px.isfinite().all(dim=-1)
            )
        if config.identity_gaussian:
            terms["identity_gaussian"] = gaussian_prior(found.identity)
        if config.expression_gaussian:
            terms["expression_gaussian"] = gaussian_prior(found.expression)
        return terms

    def _known(self, batch: MultiViewBatch) -> KnownFaces:
        """What known outputs mean: drawn heads have the layout's camera, photos' labels know no distance."""
        outputs = batch.outputs.flatten(0, 1)
        focal_per_size = None
        if self.config.focal_per_size is not None:
            focal_per_size = batch.focal_per_size.flatten().nan_to_num(_FAR)
        coefficients, camera = self.layout.geometry.decode(outputs, self.config.view_px, focal_per_size)
        identity = coefficients.identity
        if self.config.multi_view and self.config.views.shared_labels:
            identity = self._shared_identity(batch)
        return KnownFaces(coefficients, camera, identity)

    def _focal_per_size(self, batch: MultiViewBatch) -> Float[Tensor, " views"] | None:
        """Of the cameras that pictures are explained with: the true ones where they are known."""
        if self.config.focal_per_size is None:
            return None
        return batch.focal_per_size.flatten().nan_to_num(self.config.focal_per_size)

    def _shared_identity(self, batch: MultiViewBatch) -> Float[Tensor, "views identity"]:
        """Known identities; of one person, the mean over the views where it is known."""
        identity = batch.outputs[..., : self.layout.identity]
        known = batch.labelled[..., None].to(identity)
        mean = (known * identity).sum(dim=1, keepdim=True) / known.sum(dim=1, keepdim=True).clamp_min(1)
        together = (batch.gate >= _PICTURES)[:, None, None]
        return torch.where(together, mean, identity).flatten(0, 1)

    def _draw(self, output: Tensor, batch: MultiViewBatch) -> DrawnViews:
        """All views, with the identity and albedo that views of one person share."""
        coefficients, camera = self.layout.decode(output, self.config.render_px, self._focal_per_size(batch))
        shared: Shared = self.config.views.shared if self.config.multi_view else "none"
        together = batch.gate >= _PICTURES

        def of_sample(values: Tensor) -> Tensor:
            return shared_over_views(values.unflatten(0, (-1, VIEWS)), together, shared).flatten(0, 1)

        coefficients = replace(
            coefficients, identity=of_sample(coefficients.identity), albedo=of_sample(coefficients.albedo)
        )
        return draw_views(self.mesh, coefficients, camera, self.config.render_px)

    def _appearance(
        self, found: FaceCoefficients, batch: MultiViewBatch
    ) -> dict[str, Float[Tensor, " views"]]:
        """Albedo and light against what is known of them, else against what they are usually like."""
        true_albedo, true_light = self.layout.split_appearance(batch.outputs.flatten(0, 1))
        lit = batch.lit.flatten().to(true_light)
        true_light = true_light + white_light(true_light)
        return {
            "albedo": mean_squared(found.albedo, true_albedo) * lit,
            "light": mean_squared(found.light.flatten(1), true_light.flatten(1)) * lit,
            "albedo_prior": gaussian_prior(found.albedo) * (1 - lit),
            "white_light": white_light_prior(found.light) * (1 - lit),
        }

    def _agreement(
        self, found: FaceCoefficients, batch: MultiViewBatch
    ) -> dict[str, Float[Tensor, " batch"]]:
        """How far the views of one person are from their mean: neutral shape in mm, albedo squared."""
        together = (batch.gate >= _PICTURES).to(found.identity)
        shape = self.supervision.dense(found.identity, torch.zeros_like(found.expression))
        by_view = shape.unflatten(0, (-1, VIEWS))
        mean = by_view.mean(dim=1, keepdim=True).expand_as(by_view).flatten(0, 1)
        apart_mm = landmark_distance(shape, mean, torch.ones_like(shape[..., 0]))
        albedo = found.albedo.unflatten(0, (-1, VIEWS))
        spread = (albedo - albedo.mean(dim=1, keepdim=True)).square().mean(dim=(1, 2))
        return {
            "agreement": apart_mm.unflatten(0, (-1, VIEWS)).mean(dim=1) * together,
            "albedo_agreement": spread * together,
        }

    def _perceptual(
        self, encoder: IdentityEncoder, drawn: DrawnViews, photo: Tensor
    ) -> Float[Tensor, " batch"]:
        """How unlike the drawn target and its photo look to the encoder; both are aligned by one face."""
        rows = torch.arange(TARGET, len(photo), VIEWS, device=photo.device)
        found = drawn.coefficients[rows]
        landmarks_px = project_points(self.supervision.landmarks68, found, drawn.camera[rows])
        pictures = drawn.face.over(photo)[rows].clamp(0, 1), photo[rows]
        shown, true = (align_faces(one, landmarks_px, encoder.size_px) for one in pictures)
        with torch.no_grad():
            wanted = encoder.embed(true)
        return cosine_distance(encoder.embed(shown), wanted)


def _single_views(batch: MultiViewBatch) -> TrainingBatch:
    """The views of all samples as samples of their own."""
    return TrainingBatch(
        image=batch.image.flatten(0, 1),
        points_px={name: points.flatten(0, 1) for name, points in batch.points_px.items()},
        outputs=batch.outputs.flatten(0, 1),
        labelled=batch.labelled.flatten(),
        drawn=batch.drawn.flatten(),
        pack=batch.pack.repeat_interleave(VIEWS),
        seeds=batch.seeds.repeat_interleave(VIEWS),
    )
