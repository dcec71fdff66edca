"""consistency: one person in several photos must have one shape, whatever the pose, light and expression.

There is no true shape. What is measured is how far the neutral shapes of one person's photos lie apart,
and, so that a predictor of the mean face does not win, how far those of different people do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float64

from monoface.core.arrays import in_torch
from monoface.core.errors import ConfigError
from monoface.evaluation.config import FacesConfig
from monoface.evaluation.people.person_photos import PersonPhoto, PersonSource, person_photos
from monoface.evaluation.reports.cases import Case, Measure, curves_of, worst_cases
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import WORST, Definition, Galleries
from monoface.evaluation.reports.page import Gallery, heat_map, picture_of
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.evaluation.scans.mesh_predictor import MeshPredictor
from monoface.pipeline import Face, MadeWith

MEASURES: Final = (
    Measure("variation_mm", "same person", "mm"),
    Measure("others_mm", "other people", "mm"),
    Measure("ratio_percent", "same over others", "%", 0),
    Measure("recognised_percent", "same person closer", "%", 0),
    Measure("expression_mm", "expression", "mm"),
    Measure("neutral_shift_mm", "against the most neutral photo", "mm"),
)
_CURVE_LIMIT_MM = 4.0
_HEAT_LIMIT_MM = 2.0
_THIRDS = ("little expression", "some expression", "much expression")


@dataclass(frozen=True)
class EvaluateConsistencyConfig(FacesConfig):
    """Whose photos are compared, and where the report goes.

    Attributes:
        data: Folder with one folder of photos a person, or the folder of a source.
        out: JSON file to write; the page goes beside it, as .html.
        source: What the folder is.
        people: Most people.
        photos: Most photos of each.
        seed: Of the draw of people and photos.
    """

    data: Path
    out: Path
    source: PersonSource = "folder"
    people: int = 100
    photos: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("people", "photos"):
            if getattr(self, name) < 2:
                raise ConfigError(f"{name}: expected at least 2, got {getattr(self, name)}.")


@dataclass(frozen=True, eq=False)
class NeutralShape:
    """What was found in a photo.

    Attributes:
        photo: The photo.
        neutral_mm: Narrow face without expression, in the model frame; None with the reason in `failure`.
        expression_mm: Mean distance by which the expression moves the narrow face.
        failure: Why nothing was found; empty if something was.
    """

    photo: PersonPhoto
    neutral_mm: Float[np.ndarray, "verts 3"] | None
    expression_mm: float = float("nan")
    failure: str = ""


def run(config: EvaluateConsistencyConfig) -> CasesReport:
    """Measure weights as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If nobody has two photos, or the source cannot be read.
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    photos = person_photos(config.data, config.source, config.people, config.photos, config.seed)
    predictor = MeshPredictor.of(config)
    shapes = [find_shape(predictor, photo) for photo in photos]
    report = summarise(shapes, config, predictor.made_with, predictor.looks)
    write_results(report, config.out, pictures(report, shapes, predictor), overwrite=config.overwrite)
    return report


def find_shape(predictor: MeshPredictor, photo: PersonPhoto) -> NeutralShape:
    """The neutral shape that weights find in the largest face of a photo."""
    face = predictor.largest(photo.load())
    if not isinstance(face, Face):
        return NeutralShape(photo, None, failure=face)
    model, coefficients = predictor.model, in_torch(face.posed.coefficients)
    narrow = model.data.regions["narrow_face"].numpy()
    with torch.no_grad():
        neutral = model.shape(coefficients.identity, torch.zeros_like(coefficients.expression))[0].numpy()
    moved = np.linalg.norm(face.verts_mm - neutral, axis=1)[narrow].mean()
    turned = replace(photo, yaw_deg=face.yaw_deg if photo.yaw_deg is None else photo.yaw_deg)
    return NeutralShape(turned, neutral[narrow].astype(np.float32), float(moved))


def summarise(
    shapes: Sequence[NeutralShape],
    config: EvaluateConsistencyConfig,
    made_with: MadeWith | None = None,
    looks: str = "",
) -> CasesReport:
    """Report on the shapes of people's photos, all of them and by strength of the expression.

    Args:
        looks: How faces were made, for the report.
    """
    found = [shape for shape in shapes if shape.neutral_mm is not None]
    distance = pairwise_distance([shape.neutral_mm for shape in found if shape.neutral_mm is not None])
    people = np.array([shape.photo.person for shape in found])
    expression = np.array([shape.expression_mm for shape in found])
    limits = np.quantile(expression, (1 / 3, 2 / 3)) if found else np.zeros(2)
    cases = []
    for row, shape in enumerate(found):
        errors = _errors(distance, people, expression, row)
        photo = shape.photo
        third = _THIRDS[int(np.searchsorted(limits, expression[row]))]
        cases.append(Case(photo.key, (third,), errors, yaw_deg=photo.yaw_deg))
    cases += [Case(shape.photo.key, (), {}, shape.failure) for shape in shapes if shape.failure]
    settings = {
        "photos of": config.source,
        "people": str(len({shape.photo.person for shape in shapes})),
        "photos of each": f"at most {config.photos}",
        "seed": str(config.seed),
        **({"faces": looks} if looks else {}),
    }
    return make_report(
        "consistency, one person in several photos",
        definition(),
        MEASURES,
        cases,
        groups=_THIRDS,
        curves=curves_of(cases, MEASURES[:2], _CURVE_LIMIT_MM),
        settings=settings,
        made_with=made_with,
    )


def definition() -> Definition:
    """What the figures mean."""
    return Definition(
        data="several photos of each person; the largest face that our detector finds",
        measure="same person: mean distance of corresponding vertices of the narrow face between the "
        "neutral shapes (identity with expression set to zero) of a photo and of the person's other "
        "photos. Other people: the same to the photos of everyone else. Same over others: their ratio; a "
        "predictor that knows no identity has 100 %. Same person closer: how often a photo of the same "
        "person lies closer than one of another person; chance is 50 %. Expression: by how much the "
        "expression moves the narrow face. Against the most neutral photo: distance of the neutral shape "
        "to that of the person's photo with the least expression; expression that leaks into identity "
        "makes it grow from the third with little to the third with much expression.",
        alignment="none: shapes are in the model frame",
        normaliser="none; millimetres of the face model",
        means="mean over the photos",
        failures="photos without a face are listed and left out",
        source="ours. A predictor of the mean face has 0 mm within and between people: read the ratio.",
    )


def pairwise_distance(
    shapes: Sequence[Float[np.ndarray, "verts 3"]],
) -> Float64[np.ndarray, "shapes shapes"]:
    """Mean distance of corresponding vertices between all pairs of shapes."""
    stack = torch.from_numpy(np.stack(shapes)) if shapes else torch.zeros(0, 1, 3)
    distance = torch.zeros(len(stack), len(stack))
    for row in range(len(stack) - 1):
        between = (stack[row + 1 :] - stack[row]).norm(dim=-1).mean(dim=-1)
        distance[row, row + 1 :], distance[row + 1 :, row] = between, between
    return distance.double().numpy()


def pictures(report: CasesReport, shapes: Sequence[NeutralShape], predictor: MeshPredictor) -> Galleries:
    """Where on the face the shapes of one person differ, and the photos that differ most."""
    model = predictor.model
    narrow, faces = model.data.regions["narrow_face"].numpy(), model.faces.numpy()
    shown = faces[narrow[faces].all(axis=1)]
    by_person: dict[str, list[np.ndarray]] = {}
    for shape in shapes:
        if shape.neutral_mm is not None:
            by_person.setdefault(shape.photo.person, []).append(shape.neutral_mm)
    spreads = [
        np.linalg.norm(np.stack(members) - np.mean(members, axis=0), axis=2).mean(axis=0)
        for members in by_person.values()
        if len(members) > 1
    ]
    galleries: dict[str, Gallery] = {}
    if spreads:
        errors = np.full(len(narrow), np.nan)
        errors[narrow] = np.mean(spreads, axis=0)
        where = heat_map(model.mean_mm.numpy(), shown, errors, _HEAT_LIMIT_MM)
        caption = f"Mean distance to the person's mean shape, 0 (dark) to {_HEAT_LIMIT_MM:g} mm (red)"
        galleries["Where the shapes differ"] = Gallery([picture_of(where, caption)])
    photo_of = {shape.photo.key: shape.photo for shape in shapes}
    worst = []
    for case in worst_cases(report.cases, MEASURES[0]):
        text = f"{case.key}: {case.errors['variation_mm']:.2f} mm from the person's other photos"
        worst.append(picture_of(photo_of[case.key].load(), text))
    return {**galleries, WORST: Gallery(worst)}


def _errors(
    distance: Float64[np.ndarray, "photos photos"],
    people: np.ndarray,
    expression_mm: Float64[np.ndarray, " photos"],
    row: int,
) -> dict[str, float]:
    same = (people == people[row]) & (np.arange(len(people)) != row)
    others = people != people[row]
    errors = {"expression_mm": float(expression_mm[row])}
    if same.any():
        errors["variation_mm"] = float(distance[row, same].mean())
        members = np.flatnonzero(same | (np.arange(len(people)) == row))
        calmest = members[expression_mm[members].argmin()]
        if calmest != row:
            errors["neutral_shift_mm"] = float(distance[row, calmest])
    if others.any():
        errors["others_mm"] = float(distance[row, others].mean())
    if same.any() and others.any():
        errors["ratio_percent"] = 100 * errors["variation_mm"] / max(errors["others_mm"], 1e-12)
        closer = distance[row, same][:, None] < distance[row, others][None]
        ties = distance[row, same][:, None] == distance[row, others][None]
        errors["recognised_percent"] = 100 * float((closer + 0.5 * ties).mean())
    return errors
