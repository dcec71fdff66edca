"""monoface: one regressor, taught by what is known of people and by the terms of three systems."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from monoface.core.seeded_sampling import sample_rows
from monoface.data.batches.photo_batch import TrainingBatch
from monoface.data.batches.view_batch import MultiViewBatch
from monoface.data.packs.view_pack import VIEWS
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.fitting import project_points
from monoface.methods.contract import StepResult
from monoface.methods.detail import Coarse
from monoface.methods.mgcnet import Mgcnet
from monoface.methods.monoface.config import COARSE, MonofaceConfig
from monoface.methods.monoface.face_terms import NEUTRAL_REGION, NeutralShape, Openings, PointSurprise
from monoface.methods.rendered_faces import appearance_terms, reduced
from monoface.methods.supervision import KnownFaces, PosedPrediction, Supervision
from monoface.methods.twodasl import SelfTerms
from monoface.methods.twodasl.method import MAP_SETS
from monoface.methods.twodasl.self_terms import SECOND, running_statistics
from monoface.networks import Critic, Regressed, Regressor, RegressorConfig, with_landmark_map
from monoface.networks.identity import IdentityEncoder

Terms = dict[str, Tensor]

# Purpose of the draws that decide which views Detail's terms see; those of 2DASL have others.
_DETAIL = 102


@dataclass(frozen=True)
class _Look:
    """What the network says about crops with a landmark map, and what that means."""

    image: Float[Tensor, "batch 4 size size"]
    said: Regressed
    posed: PosedPrediction


class Monoface(nn.Module):
    """Regressor of identity, expression, pose, albedo, light and points, and the critic of its coefficients.

    Steps are of two kinds, by what the batch is. Single photos are looked at with a landmark map, some twice,
    and compared with what is known about them. Views of one person are compared with each other and with
    pictures drawn from what is found in them as well.

    Args:
        model: The face model; has the sets of the configuration and `ibug68`.
        config: Weights.
        encoder: Says who a face is, for the perceptual terms of views; without it there are none.
    """

    def __init__(
        self,
        model: FaceModel,
        config: MonofaceConfig | None = None,
        encoder: IdentityEncoder | None = None,
    ) -> None:
        super().__init__()
        self.config = config = config or MonofaceConfig()
        geometry = CoefficientLayout.of(model)
        self.layout = replace(geometry, albedo=model.albedo_size, light=True)
        self.supervision = Supervision(model, config.crop_px, config.supervision, self.layout)
        self._neutral = NeutralShape(model, NEUTRAL_REGION, config.neutral_points)
        self._openings = Openings(model, config.crop_px, config.opening)
        self._points = PointSurprise(model, config.crop_px, config.point_sets)
        self.regressor = self._network()
        looks = config.looks
        judged = config.twodasl and looks.self_critic != 0
        dense = config.supervision.dense_points
        self._self_terms = SelfTerms(model, config.crop_px, looks, dense, judged=judged)
        self._mgcnet = Mgcnet(model, config.between_views, encoder, self.regressor) if config.mgcnet else None
        self._coarse = Coarse(model, config.single_views, encoder, self.regressor) if config.detail else None
        self.term_weights = self._weights()

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The regressor, and the critic if it has a weight."""
        networks: dict[str, nn.Module] = {"regressor": self.regressor}
        return networks if self.critic is None else networks | {"critic": self.critic}

    @property
    def critic(self) -> Critic | None:
        """2DASL's critic, if it has a weight."""
        return self._self_terms.critic

    @property
    def set_names(self) -> tuple[str, ...]:
        """Landmark sets that batches of photos should carry."""
        sets = (*self.config.supervision.set_weights, *MAP_SETS, *dict(self.config.point_sets))
        return tuple(dict.fromkeys((*sets, "ibug68_reannotated", "facemesh468")))

    @property
    def view_set_names(self) -> tuple[str, ...]:
        """Landmark sets that batches of views should carry."""
        systems = (one for one in (self._mgcnet, self._coarse) if one is not None)
        return tuple(dict.fromkeys((*self.set_names, *(name for one in systems for name in one.set_names))))

    def step(self, batch: TrainingBatch | MultiViewBatch) -> StepResult:
        """Losses of one batch, of photos or of views."""
        return self._of_views(batch) if isinstance(batch, MultiViewBatch) else self._of_photos(batch)

    def _of_photos(self, batch: TrainingBatch) -> StepResult:
        own = self._self_terms
        exact = torch.autocast(batch.image.device.type, enabled=False)
        with exact:
            known_px, shown_px = own.landmarks(batch)
            known = self.supervision.known(batch)
        first = self._look(batch.image, shown_px)
        with exact:
            terms = self._known_terms(first, known, batch)
            found_px = own.found(first.posed)
        if self.config.twodasl:
            terms["consistency_2d"] = own.squared_px(found_px, known_px)
            terms |= self._second_terms(first, found_px.detach(), known_px, batch)
        totals: dict[str, Tensor] = {}
        if self.critic is not None:
            terms["self_critic"], totals["critic"] = own.play(self.critic, first.image, first.posed, batch)
        count = len(batch.labelled)
        return self._result({name: own.mean(name, value, count) for name, value in terms.items()}, totals)

    def _second_terms(self, first: _Look, found_px: Tensor, known_px: Tensor, batch: TrainingBatch) -> Terms:
        """Terms of a second look at some samples, with the landmarks found first as map."""
        own = self._self_terms
        rows = own.rows_to_look_at_twice(batch)
        some = batch[rows]
        with running_statistics(self.regressor):
            second = self._look(some.image, found_px[rows])
        with torch.autocast(batch.image.device.type, enabled=False):
            told = self._known_terms(second, self.supervision.known(some), some)
            compared = own.of_two_looks(first.posed.coefficients[rows], second.posed, known_px[rows])
        return {f"{SECOND}{name}": value for name, value in told.items()} | compared

    def _of_views(self, batch: MultiViewBatch) -> StepResult:
        photo = batch.image.flatten(0, 1)
        with torch.autocast(photo.device.type, enabled=False):
            singles = self._single_views(batch)
            shown_px = self._self_terms.landmarks(singles)[1]
            known = self.supervision.known(singles)
        look = self._look(singles.image, shown_px)
        # The eight bits of precision that autocast keeps are too few for geometry.
        with torch.autocast(photo.device.type, enabled=False):
            terms = self._known_terms(look, known, singles)
            outputs, lit = batch.outputs.flatten(0, 1), batch.lit.flatten()
            terms |= appearance_terms(self.layout, look.posed.coefficients, outputs, lit)
        means = {name: value.mean() for name, value in terms.items()}
        with torch.autocast(photo.device.type, enabled=False):
            means |= self._between_views(look, photo, batch) | self._single_photos(look, photo, batch)
        return self._result(means, {})

    def _single_views(self, batch: MultiViewBatch) -> TrainingBatch:
        """Views as samples of their own, as the network sees them.

        Labels of photos of views know less of who is seen than those that several photos of a person gave.
        """
        config, views = self.config, batch.single_views()
        zoom = config.crop_px / config.pictures.view_px
        points_px = {name: zoom * points for name, points in views.points_px.items()}
        image = reduced(views.image, config.crop_px)
        return replace(views, image=image, points_px=points_px, trust=views.synthetic.to(views.trust))

    def _between_views(self, look: _Look, photo: Tensor, batch: MultiViewBatch) -> Terms:
        """Means of MGCNet's terms."""
        if self._mgcnet is None:
            return {}
        output = look.said.output
        posed = self._mgcnet.supervision.decode(output)
        terms = self._mgcnet.view_terms(output, posed, photo, batch)
        appearance = self.config.appearance_weights
        return {name: value.mean() for name, value in terms.items() if name not in appearance}

    def _single_photos(self, look: _Look, photo: Tensor, batch: MultiViewBatch) -> Terms:
        """Means of Detail's coarse terms over some samples, whose views are photos of their own."""
        if self._coarse is None:
            return {}
        share = self.config.detail_share
        rows = sample_rows(batch.seeds, share, _DETAIL)
        views = (VIEWS * rows[:, None] + torch.arange(VIEWS, device=rows.device)).flatten()
        names = self._coarse_names
        if not len(rows):
            return {f"{COARSE}{name}": photo.new_zeros(()) for name in names}
        output = look.said.output[views]
        posed = self._coarse.supervision.decode(output)
        terms = self._coarse.photo_terms(output, posed, photo[views], batch[rows])
        # As many samples as are expected: so means over parts of a batch have that over the whole as theirs.
        count = share * len(photo)
        return {f"{COARSE}{name}": terms[name].sum() / count for name in names}

    @property
    def _coarse_names(self) -> tuple[str, ...]:
        assert self._coarse is not None
        seen = ("perceptual",) if self._coarse.encoder is not None and self.config.pictures.perceptual else ()
        weights = self._coarse.config.term_weights
        own = tuple(name for name in ("landmarks", "contour") if weights[name])
        return ("photometric", *own, *seen)

    def _look(self, image: Tensor, points_px: Tensor) -> _Look:
        stacked = with_landmark_map(image, points_px, self.config.looks.flm)
        said = self.regressor.regress(stacked)
        with torch.autocast(image.device.type, enabled=False):
            return _Look(stacked, said, self.supervision.decode(said.output))

    def _known_terms(self, look: _Look, known: KnownFaces, batch: TrainingBatch) -> Terms:
        """Terms that compare a look with what is known."""
        terms = self.supervision.terms(look.posed, look.said.log_error, batch, known)
        labelled = batch.labelled.to(look.said.output)
        trusted = labelled * torch.where(batch.synthetic, 1.0, batch.trust)
        terms["neutral"] = self._neutral(look.posed.coefficients.identity, known.identity) * trusted
        terms["openings"] = self._openings(look.posed, known, batch)
        if self.config.points:
            terms["points"] = self._points(look.said.points, known, batch)
        if self.config.twodasl and self.config.looks.coefficients:
            size = self.layout.geometry_size
            output, true = look.said.output[:, :size], batch.outputs[:, :size]
            terms["coefficients"] = self._self_terms.weighted_coefficients(output, true) * labelled
        return terms

    def _result(self, means: Mapping[str, Float[Tensor, ""]], totals: dict[str, Tensor]) -> StepResult:
        """Totals of the networks, the critic's after those whose gradients pass through it."""
        weights = self.term_weights
        total = torch.stack([weights[name] * value for name, value in means.items()]).sum()
        shown = {**means, **totals}
        # Together, for each number that is fetched alone would make a GPU wait.
        logged = torch.stack(list(shown.values())).detach().tolist()
        return StepResult({"regressor": total} | totals, dict(zip(shown, logged, strict=True)))

    def _network(self) -> Regressor:
        """A network whose points begin where those of the mean face are."""
        config, points = self.config, self._points
        network = RegressorConfig(
            self.layout.size, config.crop_px, config.backbone, config.looks.flm, len(points.points)
        )
        regressor = Regressor(network)
        if regressor.point_head is not None:
            mean = self.layout.decode(torch.zeros(1, self.layout.size), config.crop_px)
            regressor.point_head.begin_at(project_points(points.basis, *mean)[0] / config.crop_px)
        return regressor

    def _weights(self) -> dict[str, float]:
        """Weight of each term by its name."""
        config = self.config
        of_look = config.look_weights
        second = {f"{SECOND}{name}": config.looks.second_pass * value for name, value in of_look.items()}
        weights = {**of_look, **second, **config.looks.self_weights, **config.appearance_weights}
        appearance = config.appearance_weights.keys()
        if self._mgcnet is not None:
            of_views = self._mgcnet.config.term_weights
            weights |= {name: value for name, value in of_views.items() if name not in weights}
        if self._coarse is not None:
            of_photos = self._coarse.config.term_weights
            weights |= {f"{COARSE}{name}": of_photos[name] for name in of_photos.keys() - appearance}
        return weights
