"""How well the engine knows people: halves against halves, fronts against profiles, and what was left out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from monoface.data.people.config import PeopleConfig
from monoface.data.people.identities import IdentityMarks, mean_length, solve_people
from monoface.data.people.people import KnownPeople, SourceFaces
from monoface.facemodel import FaceModel
from monoface.facemodel.estimation.marked_poses import settled
from monoface.facemodel.estimation.population import Population

_MOST_PEOPLE = 120
_OTHERS = 8
_STEP = 5
_STEPS = 8


class Neutrals:
    """Neutral narrow faces of identities, thinned, and how far apart they are."""

    def __init__(self, model: FaceModel) -> None:
        inside = np.flatnonzero(model.data.regions["narrow_face"].cpu().numpy())[::_STEP]
        self._mean = model.mean_mm.cpu().numpy()[inside].astype(np.float64)
        self._modes = model.identity_basis_mm.cpu().numpy()[:, inside].astype(np.float64)

    def __call__(
        self, identity: Float[np.ndarray, "people identity"]
    ) -> Float[np.ndarray, "people points 3"]:
        """Vertices in millimetres."""
        return self._mean + np.einsum("nk,kpc->npc", identity, self._modes, optimize=True)

    def apart_mm(
        self, first: Float[np.ndarray, "people identity"], second: Float[np.ndarray, "people identity"]
    ) -> Float[np.ndarray, " people"]:
        """Mean distance of vertices after the similarity that lays the first faces on the second ones."""
        a, b = self(first), self(second)
        a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
        u, size, vt = np.linalg.svd(a.transpose(0, 2, 1) @ b)
        sign = np.ones((len(a), 3))
        sign[:, 2] = np.sign(np.linalg.det(u @ vt))
        zoom = (size * sign).sum(axis=1) / np.square(a).sum(axis=(1, 2))
        laid = zoom[:, None, None] * a @ (u * sign[:, None]) @ vt
        return np.linalg.norm(laid - b, axis=-1).mean(axis=1)


def people_report(
    faces: Mapping[str, SourceFaces],
    known: Mapping[str, KnownPeople],
    model: FaceModel,
    config: PeopleConfig,
) -> dict[str, Any]:
    """Figures of every source with people: `halves` and, where there are faces seen aside, `profiles`."""
    report: dict[str, Any] = {}
    for name, people in known.items():
        source = faces[name]
        report[name] = {"people": len(people.number), "halves": halves_report(source, people, model, config)}
        if source.photos.aside.any():
            report[name]["profiles"] = profiles_report(source, people, model, config)
    return {"people": report}


def halves_report(
    source: SourceFaces, people: KnownPeople, model: FaceModel, config: PeopleConfig
) -> dict[str, float]:
    """Are identities from even and odd photos of a person nearer to each other than to another person's?

    They are found without what recognition knows, which would make them alike by itself.
    """
    rows, who = _some_people(source, people.rows)
    order = np.zeros(len(rows), np.int64)
    for person in np.unique(who):
        mine = np.flatnonzero(who == person)
        order[mine] = np.arange(len(mine)) % 2
    both = np.intersect1d(who[order == 0], who[order == 1])
    if len(both) < 2:
        return {"people": len(both)}
    keep = np.isin(who, both)
    rows, order = rows[keep], order[keep]
    who = np.searchsorted(both, who[keep])
    marks = IdentityMarks.of(source.marks, source.habits, model, config)
    first, second = (
        _alone(marks, rows[order == half], who[order == half], len(both), model, config) for half in (0, 1)
    )
    neutrals = Neutrals(model)
    same = neutrals.apart_mm(first, second)
    others = np.stack(
        [neutrals.apart_mm(first, np.roll(second, k, axis=0)) for k in range(1, min(_OTHERS, len(both)))]
    )
    return {
        "people": len(both),
        "same person mm": round(float(same.mean()), 3),
        "another person mm": round(float(others.mean()), 3),
        "same nearer percent": round(100 * float((same < others).mean()), 1),
    }


def profiles_report(
    source: SourceFaces, people: KnownPeople, model: FaceModel, config: PeopleConfig
) -> dict[str, float]:
    """How far identities from the front go from the mean face to one fitted to the profiles themselves."""
    aside = source.photos.aside[people.rows]
    front, rear = people.rows[~aside], people.rows[aside]
    number = np.intersect1d(source.photos.person[front], source.photos.person[rear])[:_MOST_PEOPLE]
    if len(number) < 2:
        return {"people": len(number)}
    front, rear = (rows[np.isin(source.photos.person[rows], number)] for rows in (front, rear))
    who_front, who_rear = (np.searchsorted(number, source.photos.person[rows]) for rows in (front, rear))
    marks = IdentityMarks.of(source.marks, source.habits, model, config)
    found = _alone(marks, front, who_front, len(number), model, config)
    own = _alone(marks, rear, who_rear, len(number), model, config)

    def error_mm(identity: Float[np.ndarray, "people identity"]) -> float:
        some = marks[rear]
        return float(
            np.nanmean(
                mean_length(settled(some.model, some.marked, some.poses, identity[who_rear], _STEPS)[1])
            )
        )

    mean, fitted = error_mm(np.zeros_like(found)), error_mm(own)
    seen, other = error_mm(found), error_mm(np.roll(found, 1, axis=0))
    span = max(mean - fitted, 1e-9)
    return {
        "people": len(number),
        "mean face mm": round(mean, 3),
        "from the front mm": round(seen, 3),
        "another person mm": round(other, 3),
        "fitted to the profiles mm": round(fitted, 3),
        "knows percent": round(100 * (mean - seen) / span, 1),
        "over another person percent": round(100 * (other - seen) / span, 1),
    }


def report_text(report: Mapping[str, Any]) -> str:
    """The report as lines of text."""
    lines = []
    for name, summary in report["sources"].items():
        counts = sorted(summary["photos"].items(), key=lambda item: -item[1])
        kept = ", ".join(f"{count} {outcome}" for outcome, count in counts)
        lines.append(f"{name}: {kept}; of these {summary['validation']} for validation")
    for name, people in report["people"].items():
        halves = people["halves"]
        if "same nearer percent" in halves:
            lines.append(
                f"{name}, {people['people']} people: halves of a person's photos "
                f"{halves['same person mm']} mm apart, of different people {halves['another person mm']} mm; "
                f"nearer in {halves['same nearer percent']} %"
            )
        profiles = people.get("profiles", {})
        if "knows percent" in profiles:
            over = profiles["over another person percent"]
            lines.append(
                f"{name}: identities from the front know {profiles['knows percent']} % of the profiles, "
                f"{over} % over another person's"
            )
    return "\n".join(lines)


def _some_people(
    source: SourceFaces, rows: Int[np.ndarray, " photos"]
) -> tuple[Int[np.ndarray, " some"], Int[np.ndarray, " some"]]:
    """Photos of up to `_MOST_PEOPLE` people who have most of them, and whom each shows."""
    person = source.photos.person[rows]
    number, count = np.unique(person, return_counts=True)
    chosen = np.sort(number[np.argsort(-count, kind="stable")[:_MOST_PEOPLE]])
    some = rows[np.isin(person, chosen)]
    return some, np.searchsorted(chosen, source.photos.person[some])


def _alone(
    marks: IdentityMarks,
    rows: Int[np.ndarray, " photos"],
    who: Int[np.ndarray, " photos"],
    people: int,
    model: FaceModel,
    config: PeopleConfig,
) -> Float[np.ndarray, "people identity"]:
    """Identities from marks alone."""
    standard = Population.standard(model.identity_size)
    expected = np.zeros((people, model.identity_size))
    return solve_people(marks[rows], who, expected, standard, config.rounds)[0].mean
