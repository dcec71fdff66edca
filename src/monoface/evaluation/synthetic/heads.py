"""heads: our own synthetic benchmark, which needs no data: heads of a face model, drawn with a fixed seed.

It measures what photos do not tell: shape with and without expression, pose, depth, landmarks, albedo and
light. Heads of the model that the weights were trained with flatter them; the user's full source model with
detail that is of no model is the harder test. Pictures drawn by a renderer are no photos: figures tell one
set of weights from another, not how good either is on photos.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from monoface.core.errors import ConfigError
from monoface.data.synthetic.heads import HeadsConfig
from monoface.evaluation.reports.cases import Case, Measure, curves_of, worst_cases
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import WORST, Definition, Galleries
from monoface.evaluation.reports.page import Gallery, heat_map, landmarks_picture, picture_of
from monoface.evaluation.reports.report import installed_versions, refuse_existing_results, write_results
from monoface.evaluation.synthetic.heads_score import HeadScore, HeadScorer
from monoface.evaluation.synthetic.heads_truth import HeadPainter
from monoface.evaluation.synthetic.synthetic_heads import HeadTools, SyntheticHeadsConfig
from monoface.metrics import in_yaw_bins
from monoface.metrics.yaw_bins import YAW_BINS
from monoface.pipeline import MadeWith

MEASURES: Final = (
    Measure("surface_mm", "shape", "mm"),
    Measure("neutral_mm", "shape without expression", "mm"),
    Measure("rotation_deg", "rotation", "°", 1),
    Measure("nme_percent", "68 points", "%"),
    Measure("depth_mm", "depth", "mm"),
    Measure("vertex_mm", "corresponding points", "mm"),
    Measure("albedo_percent", "albedo", "%", 1),
    Measure("light_percent", "light", "%", 1),
    Measure("mean_face_mm", "mean face, without expression", "mm"),
)
_CURVE_LIMIT_MM = 4.0
_HEAT_LIMIT_MM = 6.0


@dataclass(frozen=True)
class EvaluateHeadsConfig(SyntheticHeadsConfig):
    """Which heads are drawn, what is measured on them, and where the report goes.

    Attributes:
        count: Heads to draw.
        max_yaw_deg: Yaw is uniform up to this, either way.
    """

    count: int = 200
    max_yaw_deg: float = 90.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.count < 1:
            raise ConfigError(f"count: expected at least 1, got {self.count}.")


def run(config: EvaluateHeadsConfig) -> CasesReport:
    """Draw heads and measure weights on them; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        MonofaceError: As `HeadTools.open`.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    tools = HeadTools.open(config)
    scores = list(score_heads(tools.painter, tools.scorer, config))
    report = summarise(scores, config, tools.made_with)
    galleries = pictures(report, scores, tools.painter, config)
    write_results(report, config.out, galleries, overwrite=config.overwrite)
    return report


def score_heads(painter: HeadPainter, scorer: HeadScorer, config: EvaluateHeadsConfig) -> Iterator[HeadScore]:
    """Draw and score one head after the other."""
    for index in range(config.count):
        yield scorer.score(painter.sample(index, _heads_config(config)))


def summarise(
    scores: Sequence[HeadScore], config: EvaluateHeadsConfig, made_with: MadeWith | None = None
) -> CasesReport:
    """Report on scored heads, all of them and by yaw."""
    cases = [_case(score) for score in scores]
    return make_report(
        "heads, drawn with a fixed seed",
        definition(config),
        MEASURES,
        cases,
        curves=curves_of(cases, MEASURES[:2], _CURVE_LIMIT_MM),
        settings={
            "heads": str(config.count),
            "yaw up to": f"{config.max_yaw_deg:g} degrees",
            **config.settings,
        },
        made_with=made_with,
        versions=installed_versions("libigl"),
    )


def definition(config: EvaluateHeadsConfig) -> Definition:
    """What the figures mean."""
    return Definition(
        data=f"{config.count} heads drawn by us from {config.sampled_from}: identities and albedo "
        "from its own distribution, sparse expressions, sky and lamps, coloured backgrounds; 288 x 288 "
        "pixels, the true crop",
        measure="shape: mean distance of the true narrow face's vertices to the predicted surface. "
        "Corresponding points: the same to the points of the predicted mesh that they are. Rotation: "
        "angle between true and predicted. 68 points: NME over the box of the true points. Depth: mean "
        "absolute difference where both cover a pixel, after the median difference is taken off. Albedo: "
        "mean absolute difference in linear RGB over the mean, after one factor. Light: root mean square "
        "difference of the irradiance over its root mean square, after one factor a channel. Mean face: "
        "what the mean face would score as shape without expression.",
        alignment="shape: similarity transform by the 68 points, then least squares of the distances; "
        "corresponding points: best similarity transform; all others: none",
        normaliser="none; millimetres of the true head",
        means="mean over the heads",
        failures="a head whose alignment failed is listed, and has no shape error",
        source="ours. Heads of the default model are of the kind that weights were trained with, so "
        "figures on them are flattering; synthetic heads are no photos.",
    )


def pictures(
    report: CasesReport, scores: Sequence[HeadScore], painter: HeadPainter, config: EvaluateHeadsConfig
) -> Galleries:
    """Where on the face the errors are, and the heads with the largest."""
    by_vertex = np.mean([score.vertex_errors_mm for score in scores], axis=0)
    model = painter.model
    face = model.data.regions["face"].numpy()
    faces = model.faces.numpy()
    shown = faces[face[faces].all(axis=1)]
    mean_mm = model.mean_mm.numpy()
    where = heat_map(mean_mm, shown, by_vertex, _HEAT_LIMIT_MM)
    caption = f"Mean distance of corresponding points, 0 (dark) to {_HEAT_LIMIT_MM:g} mm (red)"
    index_of = {score.key: index for index, score in enumerate(scores)}
    worst = []
    for case in worst_cases(report.cases, MEASURES[0]):
        head, score = painter.sample(index_of[case.key], _heads_config(config)), scores[index_of[case.key]]
        text = f"{case.key}: shape {case.errors['surface_mm']:.2f} mm, yaw {score.yaw_deg:.0f}°"
        worst.append(landmarks_picture(head.picture, head.landmarks_px, score.landmarks_px, text))
    return {
        "Where the error is": Gallery([picture_of(where, caption)]),
        WORST: Gallery(worst, "True points in green, predicted ones in red."),
    }


def _heads_config(config: EvaluateHeadsConfig) -> HeadsConfig:
    return HeadsConfig(count=config.count, max_yaw_deg=config.max_yaw_deg, seed=config.seed)


def _case(score: HeadScore) -> Case:
    member = in_yaw_bins(np.array([score.yaw_deg]))[:, 0]
    groups = [name for name, inside in zip(YAW_BINS, member, strict=True) if inside]
    return Case(score.key, groups, score.errors, score.failure, score.yaw_deg)
