"""MGCNet: a regressor of geometry, albedo and light that learns from photos and from comparing views."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.data.batches.view_batch import MultiViewBatch
from monoface.facemodel import FaceCoefficients, FaceModel, PointBasis
from monoface.facemodel.fitting import project_points
from monoface.losses.consistency import landmark_consistency
from monoface.losses.landmarks import landmark_distance
from monoface.methods.mgcnet.comparison import VIEWS, compare_landmarks, compare_pictures
from monoface.methods.mgcnet.config import MgcnetConfig, Shared
from monoface.methods.mgcnet.shared_views import TARGET, shared_over_views
from monoface.methods.photo_regressor import PhotoRegressor
from monoface.methods.rendered_faces import RenderedFaces, likeness_distance, reduced, render_faces
from monoface.methods.supervision import KnownFaces, PosedPrediction
from monoface.networks import Regressor
from monoface.networks.identity import IdentityEncoder

# Gates of a sample: from which on pictures and depths, and landmarks, are compared.
_PICTURES, _LANDMARKS = 1, 2
# A focal length, in sides of the crop, at which perspective is as good as weak.
_FAR = 1e4
# Of the 68 points, those that are published to count more: the nose and the inner mouth.
_DETAIL = (*range(27, 36), *range(60, 68))
_DETAIL_WEIGHT = 5.0


class Mgcnet(PhotoRegressor):
    """Regressor of identity, expression, pose, albedo and light.

    A step sees three views of each sample. Each is supervised as a single view, by what is known and by its
    photo; samples that show one person are compared between views as well.

    Args:
        model: The face model; has the sets of the supervision and `ibug68`.
        config: Weights.
        encoder: Says who a face is, for the perceptual term; without it there is none.
        regressor: What learns; a network of its own by default.
    """

    config: MgcnetConfig
    _landmark_weights: Tensor

    def __init__(
        self,
        model: FaceModel,
        config: MgcnetConfig | None = None,
        encoder: IdentityEncoder | None = None,
        regressor: Regressor | None = None,
    ) -> None:
        config = config or MgcnetConfig()
        super().__init__(model, config, encoder, config.focal_per_size, regressor)
        self._landmarks = model.subset(model.landmarks(config.landmark_set)) if config.landmarks else None
        weights = torch.ones(68)
        weights[list(_DETAIL)] = _DETAIL_WEIGHT
        self.register_buffer("_landmark_weights", weights, persistent=False)

    @property
    def set_names(self) -> tuple[str, ...]:
        """Landmark sets that batches should carry."""
        config = self.config
        names = (*config.supervision.set_weights, *config.views.epipolar_sets)
        return tuple(dict.fromkeys((*names, config.landmark_set) if config.landmarks else names))

    def terms(
        self, output: Tensor, log_error: Tensor, photo: Tensor, batch: MultiViewBatch
    ) -> dict[str, Tensor]:
        """Every term by name: a value for each view, or for each sample if views are compared."""
        posed = self.supervision.decode(output, self._focal_per_size(batch))
        terms = self.supervised(posed, log_error, batch, self._known(batch))
        if self._landmarks is not None:
            terms["landmarks"] = self._landmark_term(self._landmarks, posed, batch)
        return terms | self.view_terms(output, posed, photo, batch)

    def view_terms(
        self, output: Tensor, posed: PosedPrediction, photo: Tensor, batch: MultiViewBatch
    ) -> dict[str, Tensor]:
        """Terms that need no label: of pictures, and of what views of one person have in common.

        Args:
            output: Of the network.
            posed: What it means.
            photo: The views of all samples.
            batch: What is known about them.
        """
        config = self.config
        drawn = self._render(output, batch)
        small = reduced(photo, config.render_px)
        terms = self.picture_terms(posed, drawn, small, batch)
        if self.encoder is not None and config.perceptual:
            terms["perceptual"] = self._perceptual(self.encoder, drawn, small)
        if config.multi_view:
            terms |= self._agreement(posed.coefficients, batch)
            if config.views.shared_points:
                terms["shared_points"] = self._shared_points(posed, batch)
            terms |= compare_pictures(drawn, small, self.mesh.faces, batch.gate >= _PICTURES, config.views)
            if config.views.epipolar:
                terms["epipolar"] = compare_landmarks(
                    posed.coefficients, posed.camera, batch.points_px, batch.gate >= _LANDMARKS, config.views
                )
        return terms

    def _landmark_term(
        self, landmarks: PointBasis, posed: PosedPrediction, batch: MultiViewBatch
    ) -> Float[Tensor, " views"]:
        """Squared distances of annotated landmarks, in square pixels."""
        known_px = batch.points_px[self.config.landmark_set].flatten(0, 1)
        projected_px = project_points(landmarks, *posed.posed)
        seen = known_px.isfinite().all(dim=-1)
        return landmark_consistency(projected_px, known_px, self._landmark_weights, seen)

    def _known(self, batch: MultiViewBatch) -> KnownFaces:
        """What known outputs mean: renders have the layout's camera, photos' labels know no distance."""
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

    def _render(self, output: Tensor, batch: MultiViewBatch) -> RenderedFaces:
        """All views, with the identity and albedo that views of one person share."""
        coefficients, camera = self.layout.decode(output, self.config.render_px, self._focal_per_size(batch))
        shared: Shared = self.config.views.shared if self.config.multi_view else "none"
        together = batch.gate >= _PICTURES

        def of_sample(values: Tensor) -> Tensor:
            return shared_over_views(values.unflatten(0, (-1, VIEWS)), together, shared).flatten(0, 1)

        coefficients = replace(
            coefficients, identity=of_sample(coefficients.identity), albedo=of_sample(coefficients.albedo)
        )
        return render_faces(self.mesh, coefficients, camera, self.config.render_px)

    def _shared_points(self, posed: PosedPrediction, batch: MultiViewBatch) -> Float[Tensor, " batch"]:
        """How far annotated points are from those of the views' mean identity, in percent of the crop."""
        together = batch.gate >= _PICTURES
        identity = posed.coefficients.identity.unflatten(0, (-1, VIEWS))
        mean = shared_over_views(identity, together, "mean").flatten(0, 1)
        shared = replace(posed, coefficients=replace(posed.coefficients, identity=mean))
        _, error_px, _ = self.supervision.landmark_terms(shared, batch.single_views())
        return 100 / self.config.view_px * error_px.unflatten(0, (-1, VIEWS)).mean(dim=1) * together

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
        self, encoder: IdentityEncoder, drawn: RenderedFaces, photo: Tensor
    ) -> Float[Tensor, " batch"]:
        """How unlike the drawn target and its photo look to the encoder."""
        rows = torch.arange(TARGET, len(photo), VIEWS, device=photo.device)
        landmarks_px = project_points(self.supervision.landmarks68, drawn.coefficients, drawn.camera)
        return likeness_distance(encoder, drawn.face.over(photo)[rows], photo[rows], landmarks_px[rows])
