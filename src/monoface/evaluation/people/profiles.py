"""profiles: does the shape found in one frontal photo fit the same person's profiles, as people marked them?

The depth of a face is what a frontal photo shows least, and a profile most. So a shape that only suits its
own photo is found out, and so is one that is everybody's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64

from monoface.core.errors import ConfigError, DataError
from monoface.data.sources import Cfp
from monoface.data.sources.cfp import KNOWN_POINTS, looks_left
from monoface.evaluation.people.neutral_shapes import from_mean_mm, narrow_faces
from monoface.evaluation.people.person_pairs import CfpSplit
from monoface.evaluation.people.profile_fit import MarkedProfiles, PosedProfiles, ProfileFitter
from monoface.evaluation.reconstructed import ReconstructedFaces
from monoface.evaluation.reports.cases_report import ALL, Case, CasesReport, Measure, figures_of, make_report
from monoface.evaluation.reports.definition import WORST, Definition, Finding, Galleries
from monoface.evaluation.reports.page import Gallery, landmarks_picture
from monoface.evaluation.reports.report import refuse_existing_results, write_results
from monoface.metrics import Interval, bootstrap_mean, bootstrap_statistic
from monoface.pipeline import MadeWith

MEASURES: Final = (
    Measure("knows_percent", "knows", "%", 1),
    Measure("over_another_percent", "over another's", "%", 1),
    Measure("found_mm", "found", "mm"),
    Measure("spread_mm", "spread", "mm"),
    Measure("another_mm", "another person's", "mm"),
    Measure("mean_face_mm", "mean face", "mm"),
    Measure("fitted_mm", "fitted to the profiles", "mm"),
)
_WORST = 10


@dataclass(frozen=True)
class EvaluateProfilesConfig:
    """Whose profiles are looked at, and where the report goes.

    Attributes:
        data: Folder of Celebrities in Frontal-Profile: images-*.tar and labels.npz.
        out: JSON file to write; the page goes beside it, as .html.
        weights: Name of shipped weights, or path of a safetensors file.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
        split: Whose: people 340 to 399 (val), all others (train), or all. Those of exclude.json never.
        people: Most people; the last ones.
        as_reconstruct: Faces as `monoface reconstruct` makes them; otherwise the regressor alone, one look.
        device: cpu or cuda.
        overwrite: Replace the report if it exists.
    """

    data: Path
    out: Path
    weights: str = "monoface"
    face_model: Path | None = None
    split: CfpSplit = "val"
    people: int = 60
    as_reconstruct: bool = True
    device: Literal["cpu", "cuda"] = "cpu"
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.people < 2:
            raise ConfigError(f"people: expected at least 2, got {self.people}.")


@dataclass(frozen=True, eq=False)
class ProfilePeople:
    """People of whom there are frontal photos and profiles.

    Attributes:
        names: Number of each person in the source.
        front: Row of each person's first frontal photo in the source.
        rows: Rows of the profiles in the source.
        marked: What is marked in these.
    """

    names: Sequence[int]
    front: Int64[np.ndarray, " people"]
    rows: Int64[np.ndarray, " photos"]
    marked: MarkedProfiles

    @classmethod
    def of(cls, source: Cfp, people: int) -> "ProfilePeople":
        """The last people of a source.

        Raises:
            DataError: If fewer than two have both frontal photos and profiles.
        """
        both = np.intersect1d(source.person[source.profile], source.person[~source.profile])[-people:]
        if len(both) < 2:
            raise DataError(
                f"profiles: expected people with frontal photos and profiles, got {len(both)}. Two are "
                "needed; --split all takes those of every split."
            )
        front = np.array([np.flatnonzero((source.person == one) & ~source.profile)[0] for one in both])
        rows = np.flatnonzero(source.profile & np.isin(source.person, both))
        points30_px = source.points30_px[rows]
        marked = MarkedProfiles(
            points30_px[:, list(KNOWN_POINTS)].astype(np.float64),
            looks_left(points30_px),
            np.searchsorted(both, source.person[rows]),
        )
        return cls(both.tolist(), front, rows, marked)


@dataclass(frozen=True, eq=False)
class FoundShapes:
    """What was found in the frontal photos.

    Attributes:
        identity: A row for each person; zeros, the mean face, where nothing was found.
        failures: Why nothing was found, by row.
    """

    identity: Float64[np.ndarray, "people identity"]
    failures: Mapping[int, str]


def run(config: EvaluateProfilesConfig) -> CasesReport:
    """Measure weights as the configuration says; write the report and its page.

    Raises:
        OutputExistsError: If the report exists and may not be overwritten.
        DataError: If the data cannot be read, or has not two people.
        ConfigError: If there are no such weights, or no such device.
        AssetError: If a shipped file is damaged.
        ModelFileError: If the weights are no regressor, or belong to another face model.
    """
    refuse_existing_results(config.out, overwrite=config.overwrite)
    source = Cfp(config.data, split=None if config.split == "all" else config.split)
    people = ProfilePeople.of(source, config.people)
    faces = ReconstructedFaces(
        config.weights, config.face_model, config.device, as_reconstruct=config.as_reconstruct
    )
    found = find_shapes(faces, source, people.front)
    fitter = ProfileFitter(faces.model, people.marked)
    posed = fitter.pose(found.identity)
    spread_mm = from_mean_mm(narrow_faces(faces.model, torch.from_numpy(found.identity))).numpy()
    report = summarise(
        people,
        score(fitter, found.identity, posed, spread_mm),
        failures=found.failures,
        settings={
            "split": config.split,
            "faces": faces.looks,
            "landmark set": fitter.landmark_set,
        },
        made_with=faces.made_with,
    )
    write_results(report, config.out, worst_pictures(source, people, posed), overwrite=config.overwrite)
    return report


def find_shapes(faces: ReconstructedFaces, source: Cfp, rows: Int64[np.ndarray, " people"]) -> FoundShapes:
    """Identity of the largest face of each of some photos of a source."""
    identity = np.zeros((len(rows), faces.model.identity_size))
    failures = {}
    for place, row in enumerate(rows.tolist()):
        face = faces.largest(source.image(row))
        if isinstance(face, str):
            failures[place] = face
        else:
            identity[place] = face.posed.coefficients.identity[0].numpy()
    return FoundShapes(identity, failures)


def score(
    fitter: ProfileFitter,
    identity: Float64[np.ndarray, "people identity"],
    posed: PosedProfiles,
    spread_mm: Float[np.ndarray, " people"],
    bounds: tuple[PosedProfiles, PosedProfiles] | None = None,
) -> dict[str, Float64[np.ndarray, " people"]]:
    """Figures of each person, by the name of the measure.

    Another person's shape is that of the person before, and that of the last one for the first.

    Args:
        fitter: Of the people's profiles.
        identity: Shapes that were found.
        posed: The same on the profiles.
        spread_mm: How far each lies from their mean.
        bounds: The mean face and the shapes fitted to the profiles on them, if they are known already.
    """

    def by_person(one: PosedProfiles) -> Float64[np.ndarray, " people"]:
        of_photo = one.distance_mm.mean(axis=1)
        person = fitter.profiles.person
        return np.bincount(person, of_photo) / np.bincount(person)

    mean_face, fitted = map(by_person, bounds or (fitter.pose(), fitter.pose(fitter.fit())))
    found, another = by_person(posed), by_person(fitter.pose(np.roll(identity, 1, axis=0)))
    # Over the mean of all people, so that the mean of these figures is the ratio of the means.
    whole_way = max(float((mean_face - fitted).mean()), 1e-9)
    return {
        "knows_percent": 100 * (mean_face - found) / whole_way,
        "over_another_percent": 100 * (another - found) / whole_way,
        "found_mm": found,
        "spread_mm": spread_mm.astype(np.float64),
        "another_mm": another,
        "mean_face_mm": mean_face,
        "fitted_mm": fitted,
    }


def summarise(
    people: ProfilePeople,
    scores: Mapping[str, Float64[np.ndarray, " people"]],
    *,
    failures: Mapping[int, str],
    settings: Mapping[str, str],
    made_with: MadeWith | None = None,
) -> CasesReport:
    """Report on scored people.

    Args:
        people: Who they are.
        scores: By the name of the measure.
        failures: Why no face was found in a photo, by the person's row.
        settings: What was chosen.
        made_with: Weights and hashes.
    """
    cases = [
        Case(f"person{name:04d}", errors={measure: float(values[row]) for measure, values in scores.items()})
        for row, name in enumerate(people.names)
    ]
    missing = "; ".join(f"{cases[row].key}: {reason}" for row, reason in failures.items())
    return make_report(
        "profiles, one frontal photo against the person's marked profiles",
        definition(),
        MEASURES,
        cases,
        figures={ALL: figures_of(cases, MEASURES)[ALL]},
        intervals=_intervals(scores),
        findings=[Finding("no face", f"counted with the mean face: {missing}.")] if missing else [],
        settings={
            "people": str(len(cases)),
            "profiles": str(len(people.rows)),
            **settings,
        },
        made_with=made_with,
    )


def definition() -> Definition:
    """What the figures mean."""
    return Definition(
        data="Celebrities in Frontal-Profile: the first frontal photo of each person, and the person's "
        "profiles with 22 points as people marked them (chin, brow, eye, bridge, tip and base of the nose, "
        "mouth)",
        measure="found: mean distance of the marks to the points of the neutral shape of the frontal photo, "
        "posed on them. Another person's: the same with the shape of another person, the one before. Fitted: "
        "with the shape that fits the person's own profiles best under the face model's prior. Knows: (mean "
        "face - found) / (mean face - fitted). Over another's: (another person's - found) / the same. Both "
        "must rise: a better mean alone helps the first only. Spread: distance of a shape to the mean of all "
        "found, on the narrow face, after a similarity transform.",
        alignment="each shape is posed on each profile: weak perspective and expression free (mean 0.06, "
        "standard deviation 0.15, 2 mm a mark, robust), identity fixed. The annotators' habits, the median "
        "residual of the mean face at each point, sides mirrored, are taken off",
        normaliser="none; millimetres at the scale of the posed face",
        means="mean over the points, the photos, and the people; intervals are over people, the ratio drawn "
        "as one",
        failures="a person in whose frontal photo no face is found counts with the mean face, and is named",
        source="ours; photos and marks: Sengupta et al., WACV 2016. The people are celebrities, whom a "
        "network for recognition may have seen.",
    )


def worst_pictures(source: Cfp, people: ProfilePeople, posed: PosedProfiles) -> Galleries:
    """The profiles that the shapes found fit worst."""
    distance_mm = posed.distance_mm.mean(axis=1)
    pictures = []
    for photo in np.argsort(-distance_mm)[:_WORST].tolist():
        row, person = int(people.rows[photo]), people.names[people.marked.person[photo]]
        text = f"person {person}, photo {source.keys[row]}: {distance_mm[photo]:.2f} mm"
        image = source.image(row)
        pictures.append(
            landmarks_picture(image, people.marked.points_px[photo], posed.points_px[photo], text)
        )
    return {WORST: Gallery(pictures, "Marked points in green, those of the shape found in red.")}


def _intervals(scores: Mapping[str, Float64[np.ndarray, " people"]]) -> dict[str, Interval]:
    """Bootstrap intervals over people; both parts of a ratio are drawn together."""
    intervals = {name: bootstrap_mean(values) for name, values in scores.items()}
    whole_way = scores["mean_face_mm"] - scores["fitted_mm"]
    for name, worse in (("knows_percent", "mean_face_mm"), ("over_another_percent", "another_mm")):
        gained = scores[worse] - scores["found_mm"]

        def share(
            weights: Float64[np.ndarray, "draws cases"], gained: np.ndarray = gained
        ) -> Float64[np.ndarray, " draws"]:
            return 100 * (weights @ gained) / (weights @ whole_way)

        intervals[name] = bootstrap_statistic(share, len(gained))
    return intervals
