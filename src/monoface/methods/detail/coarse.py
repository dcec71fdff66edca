"""The coarse stage: a regressor of geometry, albedo, pose and light under weak perspective."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.data.batches.view_batch import MultiViewBatch
from monoface.facemodel import FaceModel, PointBasis
from monoface.facemodel.fitting import project_points
from monoface.facemodel.landmarks import JAW17
from monoface.geometry.triangles import signed_areas_px
from monoface.losses.consistency import landmark_consistency
from monoface.losses.contour import contour_distance, silhouette_vertices
from monoface.methods.detail.coarse_config import CoarseConfig
from monoface.methods.detail.coarse_landmarks import FOCUS, GROUPS, grouped, landmark_weights
from monoface.methods.photo_regressor import PhotoRegressor
from monoface.methods.rendered_faces import RenderedFaces, likeness_distance, reduced, render_faces
from monoface.methods.supervision import PosedPrediction
from monoface.networks import Regressor
from monoface.networks.identity import IdentityEncoder


class Coarse(PhotoRegressor):
    """Regressor that learns each view of a batch as a photo of its own.

    Args:
        model: The face model; has the landmark sets of the configuration and `ibug68`.
        config: Weights.
        encoder: Says who a face is, for the perceptual term; without it there is none.
        regressor: What learns; a network of its own by default.
    """

    config: CoarseConfig
    _point_weights: Tensor
    _jaw: Tensor
    _jaw_weights: Tensor

    def __init__(
        self,
        model: FaceModel,
        config: CoarseConfig | None = None,
        encoder: IdentityEncoder | None = None,
        regressor: Regressor | None = None,
    ) -> None:
        config = config or CoarseConfig()
        super().__init__(model, config, encoder, regressor=regressor)
        names = config.landmark_sets if config.landmarks else ()
        self._points = nn.ModuleDict(
            {name: model.subset(model.landmarks(name).grouped(GROUPS)) for name in names}
        )
        jaw = _nearest(self.mesh.basis.mean_mm, model.landmarks(JAW17).points(model.mean_mm[None])[0])
        jaw_weights = torch.ones(len(jaw)).index_fill(0, torch.tensor(FOCUS), config.contour_focus)
        self.register_buffer("_point_weights", landmark_weights(), persistent=False)
        self.register_buffer("_jaw", jaw, persistent=False)
        self.register_buffer("_jaw_weights", jaw_weights, persistent=False)

    @property
    def set_names(self) -> tuple[str, ...]:
        """Landmark sets that batches should carry."""
        outline = (JAW17,) if self.config.contour else ()
        return tuple(dict.fromkeys((*self.config.supervision.set_weights, *self._points, *outline)))

    def terms(
        self, output: Tensor, log_error: Tensor, photo: Tensor, batch: MultiViewBatch
    ) -> dict[str, Float[Tensor, " views"]]:
        """Every term by name, a value for each view."""
        posed = self.supervision.decode(output)
        terms = self.supervised(posed, log_error, batch)
        return terms | self.photo_terms(output, posed, photo, batch)

    def photo_terms(
        self, output: Tensor, posed: PosedPrediction, photo: Tensor, batch: MultiViewBatch
    ) -> dict[str, Float[Tensor, " views"]]:
        """Terms that need no coefficients: of landmarks, of the outline and of pictures.

        Args:
            output: Of the network.
            posed: What it means.
            photo: The views of all samples.
            batch: What is known about them.
        """
        config, terms = self.config, dict[str, Tensor]()
        if len(self._points):
            terms["landmarks"] = self._landmark_term(posed, batch)
        drawn = render_faces(self.mesh, *self.layout.decode(output, config.render_px), config.render_px)
        if config.contour:
            terms["contour"] = self._contour_term(drawn, batch.points_px[JAW17].flatten(0, 1))
        small = reduced(photo, config.render_px)
        terms |= self.picture_terms(posed, drawn, small, batch)
        if self.encoder is not None and config.perceptual:
            landmarks_px = project_points(self.supervision.landmarks68, drawn.coefficients, drawn.camera)
            terms["perceptual"] = likeness_distance(self.encoder, drawn.face.over(small), small, landmarks_px)
        return terms

    def _landmark_term(self, posed: PosedPrediction, batch: MultiViewBatch) -> Float[Tensor, " views"]:
        """Weighted squared distances of all annotated points, in square pixels."""
        projected, known = [], []
        for name, basis in self._points.items():
            assert isinstance(basis, PointBasis)
            projected.append(project_points(basis, *posed.posed))
            known.append(grouped(batch.points_px[name].flatten(0, 1)))
        known_px = torch.cat(known, dim=1)
        weights = self._point_weights.repeat(len(known))
        seen = known_px.isfinite().all(dim=-1)
        return landmark_consistency(torch.cat(projected, dim=1), known_px, weights, seen)

    def _contour_term(
        self, drawn: RenderedFaces, outline_px: Float[Tensor, "views 17 2"]
    ) -> Float[Tensor, " views"]:
        """Squared distances of the annotated outline, in square pixels; zero where there is none."""
        surface = drawn.face.surface
        verts_px = surface.verts_px[..., :2] * (self.config.view_px / self.config.render_px)
        front = signed_areas_px(verts_px.detach(), self.mesh.faces) < 0
        silhouette = silhouette_vertices(front, self.mesh.faces, verts_px.shape[1], self.config.silhouette)
        known = outline_px.isfinite().all(dim=-1)
        return contour_distance(
            verts_px[:, self._jaw],
            # The camera looks along z.
            surface.vertex_normals[:, self._jaw, 2] < 0,
            torch.where(known[..., None], outline_px, 0.0),
            verts_px,
            silhouette,
            self._jaw_weights * known,
            self.config.contour_limit * self.config.view_px,
        )


def _nearest(verts: Float[Tensor, "verts 3"], points: Float[Tensor, "points 3"]) -> Tensor:
    """The vertex nearest to each point."""
    return torch.cdist(points, verts).argmin(dim=1)
