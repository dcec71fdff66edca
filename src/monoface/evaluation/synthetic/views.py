"""views: one head in several cameras, drawn with a fixed seed; is its shape right, and is it one shape?

Heads and light are of kinds that nothing was trained on, cameras nearer than most: all modes of the user's
source model and bumps of no model, near pinholes, lamps with sharp borders. Figures of two sets of weights
are compared head by head with `monoface evaluate compare`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float

from monoface.core.errors import ConfigError
from monoface.evaluation.people.consistency import pairwise_distance
from monoface.evaluation.reports.cases import Case, Measure
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import WORST, Definition, Galleries
from monoface.evaluation.reports.page import Gallery, landmarks_picture
from monoface.evaluation.reports.report import installed_versions, refuse_existing_results, write_results
from monoface.evaluation.synthetic.heads_score import HeadScorer, point_error_percent, turn_between
from monoface.evaluation.synthetic.heads_truth import LANDMARK_SET
from monoface.evaluation.synthetic.synthetic_heads import HeadTools, SyntheticHeadsConfig
from monoface.evaluation.synthetic.views_truth import HeadInViews, render_head_in_views
from monoface.facemodel import FaceModel
from monoface.pipeline import MadeWith

MEASURES: Final = (
    Measure("neutral_mm", "shape without expression", "mm"),
    Measure("rotation_deg", "rotation", "°", 1),
    Measure("variation_mm", "same head, other views", "mm"),
    Measure("averaged_mm", "mean of the views' shapes", "mm"),
    Measure("best_mm", "best single view", "mm"),
    Measure("ratio_percent", "same head over other heads", "%", 0),
    Measure("nme_percent", "68 points", "%"),
    Measure("front_mm", "shape, views within 20°", "mm"),
    Measure("side_mm", "shape, views beyond 20°", "mm"),
    Measure("mean_face_mm", "mean face, without expression", "mm"),
)
_FRONT_DEG = 20.0
_WORST = 6


@dataclass(frozen=True)
class EvaluateViewsConfig(SyntheticHeadsConfig):
    """Which heads are drawn, in how many cameras, and where the report goes.

    Attributes:
        heads: Heads to draw.
        views: Cameras of each: one at about 40 degrees to either side and one in front, then any up to 75.
    """

    detail_mm: float = 0.4
    heads: int = 100
    views: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low in (("heads", 1), ("views", 2)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name}: expected at least {low}, got {getattr(self, name)}.")


@dataclass(frozen=True, eq=False)
class ViewsScore:
    """What was found in the views of one head.

    Attributes:
        key: Name of the head.
        errors: By the name of the measure; those that need other heads are not in it.
        failure: Why it has no error; empty if it has.
        neutral_mm: Narrow faces without expression in the model frame, one a view.
        landmarks_px: Predicted points of each view.
    """

    key: str
    errors: dict[str, float]
    failure: str
    neutral_mm: Float[np.ndarray, "views verts 3"]
    landmarks_px: Float[np.ndarray, "views 68 2"]


def run(config: EvaluateViewsConfig) -> CasesReport:
    """Draw heads and measure weights on them; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        MonofaceError: As `HeadTools.open`.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    tools = HeadTools.open(config)

    def heads() -> Iterator[HeadInViews]:
        for index in range(config.heads):
            yield render_head_in_views(tools.painter, index, config.views, config.seed)

    scores = [score_views(head, tools.scorer, tools.face_model) for head in heads()]
    report = summarise(scores, config, tools.made_with)
    write_results(report, config.out, pictures(scores, heads()), overwrite=config.overwrite)
    return report


@torch.no_grad()
def score_views(head: HeadInViews, scorer: HeadScorer, model: FaceModel) -> ViewsScore:
    """Errors of what is found in each view of a head, averaged over them."""
    basis = model.subset(model.landmarks(LANDMARK_SET))
    found = [scorer.find(view) for view in head.views]
    landmarks = [one.regression.landmarks_px(basis)[0].double().numpy() for one in found]
    shapes = [one.neutral_mm[0] for one in found]
    mean_shape = torch.stack(shapes).mean(dim=0)
    outcomes = [
        scorer.surface_error(head.key, head.neutral_mm, shape)
        for shape in (*shapes, mean_shape, model.mean_mm)
    ]
    failure = "; ".join(dict.fromkeys(why for _, why in outcomes if why))
    *by_view, averaged, mean_face = (error for error, _ in outcomes)
    front = np.array([abs(view.yaw_deg) <= _FRONT_DEG for view in head.views])
    narrow = np.stack([shape[model.data.regions["narrow_face"]].numpy() for shape in shapes])
    turns = [
        turn_between(one.regression.coefficients.rotation[0], view.rotation)
        for one, view in zip(found, head.views, strict=True)
    ]
    points = [
        point_error_percent(own, view.landmarks_px) for own, view in zip(landmarks, head.views, strict=True)
    ]
    errors = {
        "neutral_mm": float(np.mean(by_view)),
        "rotation_deg": float(np.mean(turns)),
        "variation_mm": float(pairwise_distance(list(narrow))[np.triu_indices(len(narrow), 1)].mean()),
        "averaged_mm": averaged,
        "best_mm": float(np.min(by_view)),
        "nme_percent": float(np.mean(points)),
        "front_mm": _mean_of(np.array(by_view)[front]),
        "side_mm": _mean_of(np.array(by_view)[~front]),
        "mean_face_mm": mean_face,
    }
    return ViewsScore(head.key, {} if failure else errors, failure, narrow, np.stack(landmarks))


def summarise(
    scores: Sequence[ViewsScore], config: EvaluateViewsConfig, made_with: MadeWith | None = None
) -> CasesReport:
    """Report on scored heads; a case is a head, so that intervals know that its views belong together."""
    others = _distance_to_others(scores)
    cases = []
    for score, other_mm in zip(scores, others, strict=True):
        errors = dict(score.errors)
        if errors and other_mm > 0:
            errors["ratio_percent"] = 100 * errors["variation_mm"] / other_mm
        cases.append(Case(score.key, (), errors, score.failure))
    return make_report(
        "views, heads in several cameras",
        definition(config),
        MEASURES,
        cases,
        settings={"heads": str(config.heads), "views": str(config.views), **config.settings},
        made_with=made_with,
        versions=installed_versions("libigl"),
    )


def definition(config: EvaluateViewsConfig) -> Definition:
    """What the figures mean."""
    return Definition(
        data=f"{config.heads} heads drawn by us from {config.sampled_from}, each in "
        f"{config.views} cameras: about 40 degrees to either side and the front, then any yaw up to 75 "
        "degrees; pinholes half a metre to two metres away; one expression and one light for all views of "
        "a head, of one to three lamps with sharp borders; the true crop",
        measure="shape: mean distance of the true narrow face's vertices, without expression, to the "
        "predicted surface without expression, mean over the views. Rotation: angle between true and "
        "predicted, mean over the views. Same head, other views: mean distance of corresponding vertices of "
        "the narrow face between the neutral shapes of two views of the head, mean over pairs. Mean of the "
        "views' shapes: shape error of their mean. Same over other heads: the variation over the same "
        "distance to the same view of all other heads; a predictor that knows no identity has 100 % or no "
        "figure. 68 points: NME over the box of the true points.",
        alignment="shape: similarity transform by the 68 points, then least squares of the distances; "
        "same head, other views: none, shapes are in the model frame",
        normaliser="none; millimetres of the true head, or of the face model",
        means="mean over the heads",
        failures="a head with a view whose alignment failed is listed, and has no error",
        source="ours. Synthetic heads are no photos: figures tell one set of weights from another.",
    )


def pictures(scores: Sequence[ViewsScore], heads: Iterator[HeadInViews]) -> Galleries:
    """The heads with the largest errors of shape, in all their views."""
    scored = [index for index, score in enumerate(scores) if score.errors]
    worst = sorted(scored, key=lambda index: -scores[index].errors["neutral_mm"])[:_WORST]
    shown = []
    for index, head in enumerate(heads):
        if index not in worst:
            continue
        for view, points in zip(head.views, scores[index].landmarks_px, strict=True):
            text = f"{view.key}: shape {scores[index].errors['neutral_mm']:.2f} mm, yaw {view.yaw_deg:.0f}°"
            shown.append(landmarks_picture(view.picture, view.landmarks_px, points, text))
    return {WORST: Gallery(shown, "True points in green, predicted ones in red.")}


def _distance_to_others(scores: Sequence[ViewsScore]) -> Float[np.ndarray, " heads"]:
    """Mean distance of each head's shapes to those of the others in the same view; 0 without others."""
    total = np.zeros(len(scores))
    if len(scores) < 2:
        return total
    views = len(scores[0].neutral_mm)
    for view in range(views):
        distance = pairwise_distance([score.neutral_mm[view] for score in scores])
        total += distance.sum(axis=1) / (len(scores) - 1) / views
    return total


def _mean_of(errors: np.ndarray) -> float:
    return float(errors.mean()) if len(errors) else float("nan")
