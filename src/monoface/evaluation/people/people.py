"""people: does shape tell people apart? Two photos of each person against those of others, and the spread.

Shapes are compared once turn, shift and size are taken off. A predictor of the mean face tells nobody apart;
one that exaggerates may, so the spread stands beside it: people drawn from the face model have 2.75 mm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monoface.core.arrays import in_torch
from monoface.core.errors import ConfigError
from monoface.evaluation.config import FacesConfig
from monoface.evaluation.people.neutral_shapes import apart_mm, from_mean_mm, narrow_faces
from monoface.evaluation.people.person_pairs import CfpSplit, PairSource, PersonPair, person_pairs
from monoface.evaluation.reconstructed import ReconstructedFaces
from monoface.evaluation.reports.cases import Case, Measure, worst_cases
from monoface.evaluation.reports.cases_report import CasesReport, make_report
from monoface.evaluation.reports.definition import WORST, Definition, Finding, Galleries
from monoface.evaluation.reports.page import Gallery, picture_of
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.facemodel import FaceModel
from monoface.pipeline import MadeWith

MEASURES: Final = (
    Measure("nearer_percent", "same person nearer", "%", 1),
    Measure("within_mm", "same person", "mm"),
    Measure("between_mm", "other people", "mm"),
    Measure("spread_mm", "spread", "mm"),
    Measure("ratio_percent", "same over others", "%", 0),
)
OTHERS: Final = 11
"""How many other people each person's photos are compared with."""


@dataclass(frozen=True)
class EvaluatePeopleConfig(FacesConfig):
    """Whose photos are compared, and where the report goes.

    Attributes:
        data: Folder of the source, or one with one folder of photos a person.
        out: JSON file to write; the page goes beside it, as .html.
        source: What the folder is.
        split: Of cfp: people 340 to 399 (val), all others (train), or all. Those of exclude.json never.
        people: Most people; the last ones.
    """

    data: Path
    out: Path
    source: PairSource = "cfp"
    split: CfpSplit = "val"
    people: int = 60

    def __post_init__(self) -> None:
        if self.people < 2:
            raise ConfigError(f"people: expected at least 2, got {self.people}.")


@dataclass(frozen=True, eq=False)
class PersonShapes:
    """What was found in two photos of a person.

    Attributes:
        pair: The photos.
        identity: A row for each photo; None, with the reason in `failure`, if one shows no face.
        failure: Why nothing was found; empty if something was.
    """

    pair: PersonPair
    identity: Float[Tensor, "2 identity"] | None
    failure: str = field(default="")


def run(config: EvaluatePeopleConfig) -> CasesReport:
    """Measure weights as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the data cannot be read, or has not two people with two photos.
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    pairs = person_pairs(config.data, config.source, config.people, config.split)
    faces = ReconstructedFaces.of(config)
    found = [find_shapes(faces, pair) for pair in pairs]
    settings = {
        "source": config.source,
        **({"split": config.split} if config.source == "cfp" else {}),
        "faces": faces.looks,
    }
    report = summarise(found, faces.model, settings=settings, made_with=faces.made_with)
    write_results(report, config.out, worst_pictures(report, found), overwrite=config.overwrite)
    return report


def find_shapes(faces: ReconstructedFaces, pair: PersonPair) -> PersonShapes:
    """Identities of the largest face of both photos of a person."""
    identities = []
    for photo in pair.photos:
        face = faces.largest(photo.load())
        if isinstance(face, str):
            return PersonShapes(pair, None, f"{photo.key}: {face}")
        identities.append(in_torch(face.posed.coefficients.identity[0]))
    return PersonShapes(pair, torch.stack(identities))


def summarise(
    found: Sequence[PersonShapes],
    model: FaceModel,
    *,
    settings: dict[str, str] | None = None,
    made_with: MadeWith | None = None,
) -> CasesReport:
    """Report on what was found in the photos of people."""
    known = [one.identity for one in found if one.identity is not None]
    errors = iter(_errors(torch.stack(known), model) if known else [])
    cases, missing = [], []
    for one in found:
        if one.identity is None:
            missing.append(one.failure)
            cases.append(Case(one.pair.person, errors={"nearer_percent": 0.0}))
        else:
            cases.append(Case(one.pair.person, errors=next(errors)))
    reasons = "; ".join(missing)
    return make_report(
        "people, two photos of each",
        definition(),
        MEASURES,
        cases,
        findings=[Finding("no face", f"counted as never nearer: {reasons}.")] if missing else [],
        settings={"people": str(len(cases)), **(settings or {})},
        made_with=made_with,
    )


def definition() -> Definition:
    """What the figures mean."""
    return Definition(
        data="two photos of each person; cfp: the first two frontal ones, ytf: frames of two clips",
        measure=f"same person nearer: of {OTHERS} other people, or all if there are fewer, the part whose "
        "second photo's shape lies farther from that of the person's first photo than the person's own "
        "second one does; ties count half, chance is 50 %. Same person, other people: these distances. "
        "Spread: distance of the first photos' shapes to their mean. Same over others: the ratio.",
        alignment="a similarity transform between the corresponding vertices of two narrow faces, before "
        "their mean distance",
        normaliser="none; millimetres of the face model",
        means="mean over the people",
        failures="a person of whom a photo shows no face is named and counts as never nearer, and is left "
        "out of the distances",
        source="ours. People drawn from the face model have a spread of 2.75 mm: a smaller one says how "
        "much of what tells people apart is not found.",
    )


def worst_pictures(report: CasesReport, found: Sequence[PersonShapes]) -> Galleries:
    """The people whose two photos give the most different shapes."""
    by_name = {one.pair.person: one.pair for one in found}
    pictures = []
    for case in worst_cases(report.cases, MEASURES[1]):
        text = f"person {case.key}: {case.errors['within_mm']:.2f} mm apart"
        pictures += [picture_of(photo.load(), text) for photo in by_name[case.key].photos]
    return {WORST: Gallery(pictures, "Both photos of the people whose shapes differ most.")}


def _errors(identity: Float[Tensor, "people 2 identity"], model: FaceModel) -> list[dict[str, float]]:
    """Figures of each person; without others some are missing."""
    first, second = narrow_faces(model, identity[:, 0]), narrow_faces(model, identity[:, 1])
    within = apart_mm(first, second).double().numpy()
    spread = from_mean_mm(first).double().numpy()
    steps = range(1, min(OTHERS, len(identity) - 1) + 1)
    others = np.array([apart_mm(first, second.roll(step, 0)).double().numpy() for step in steps])
    errors = [
        {"within_mm": float(own), "spread_mm": float(away)} for own, away in zip(within, spread, strict=True)
    ]
    for row, one in enumerate(errors if len(others) else []):
        nearer, ties = within[row] < others[:, row], within[row] == others[:, row]
        one["nearer_percent"] = 100 * float((nearer + 0.5 * ties).mean())
        one["between_mm"] = float(others[:, row].mean())
        one["ratio_percent"] = 100 * one["within_mm"] / max(one["between_mm"], 1e-12)
    return errors
