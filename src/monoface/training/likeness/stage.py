"""The command `monoface train likeness`: from a trained network to weights that know people."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from monoface.core.assets import asset_sha256, register_asset, sha256_of
from monoface.core.errors import ConfigError, OutputExistsError
from monoface.facemodel.blendshape_scale import BlendshapeScale, fit_blendshape_scale
from monoface.facemodel.dense_points import DensePoints
from monoface.facemodel.identity_prior import IdentityMap
from monoface.facemodel.point_model import PointModel
from monoface.facemodel.refinement import RefineConfig
from monoface.pipeline.blendshape_file import save_blendshape_scale
from monoface.pipeline.refinement_file import Refinement, save_refinement
from monoface.training.likeness.choosing import (
    Validation,
    choose_discount,
    choose_join,
    choose_settling,
)
from monoface.training.likeness.config import TrainLikenessConfig
from monoface.training.likeness.gathering import (
    LookedPeople,
    blendshape_scores,
    look_at_heads,
    look_at_marks,
    look_at_ordinary,
    look_at_people,
    look_at_portraits,
    look_at_validation_people,
)
from monoface.training.likeness.habits import find_habits
from monoface.training.likeness.joining import JoinConfig, LearnedPeople, find_domain, find_elsewhere
from monoface.training.likeness.judging import ProfileJudge, ProfileTeacher
from monoface.training.likeness.looks import Looker, Looks
from monoface.training.likeness.marked import MarkJudge
from monoface.training.likeness.measuring import Settled
from monoface.training.likeness.people_evidence import TERMS
from monoface.training.likeness.people_map import KnownPeople, PeopleMap
from monoface.training.likeness.scores import BlendshapeScores

Report = Callable[[str], None]
_COVERED = 0.68
_COMMAND: Final = "monoface train likeness --weights FILE --people DIR --data DATA --out FILE"
_DATA: Final = (
    "identities: people of cfp, ytf and lfw; persons 340 to 399 of cfp and a tenth of ytf are validation; "
    "people of exclude.json take no part"
)
_FEWEST_SCORES = 30
# So many photos tell what all do on average.
_ENOUGH = 300


@dataclass(frozen=True, eq=False)
class _Known:
    """What was looked at."""

    people: LookedPeople
    ordinary: Looks
    portraits: Looks
    heads: tuple[Looks, Float[np.ndarray, "heads identity"]]
    scores: dict[str, BlendshapeScores]


def train_likeness(
    config: TrainLikenessConfig, teacher: ProfileTeacher, judge: ProfileJudge, report: Report
) -> Path:
    """Learn, choose and write; nothing of the network itself changes.

    Args:
        config: How.
        teacher: Training people's profiles.
        judge: Validation people's profiles.
        report: Gets lines about the progress.

    Returns:
        Path of the weights.

    Raises:
        OutputExistsError: If the file exists and may not be overwritten.
        DataError: If data are missing or damaged.
        ConfigError: If there are no such weights, or they see through a pinhole.
        ModelFileError: If the weights find no points.
    """
    if not config.weights.is_file():
        raise ConfigError(f"weights {config.weights}: expected a file, found none.")
    if config.out.exists() and not config.overwrite:
        raise OutputExistsError(f"{config.out} exists. Use --overwrite to replace it.")
    config.out.parent.mkdir(parents=True, exist_ok=True)
    folder = config.out.with_suffix(".looks")
    looker = Looker(config.weights, folder, report)
    model = looker.model
    scores = blendshape_scores(config, model.expression_size)
    known = _Known(
        look_at_people(config, looker, report),
        look_at_ordinary(config, looker, scores.get("aflw")),
        look_at_portraits(config, looker),
        look_at_heads(config, looker, folder),
        scores,
    )
    sets = looker.reconstructor.regressor.info.point_sets
    basis = PointModel.of(model, DensePoints.of(model, sets).landmarks, np.float32)
    habit = _habits(basis, known)
    points = basis.moved(habit)
    report(f"habits: {np.linalg.norm(habit, axis=1).mean():.2f} mm on average")
    val_looks, found = look_at_validation_people(config, looker, list(judge.people))
    mark_looks, marks = look_at_marks(config, looker)
    mark_judge = MarkJudge(model, marks)
    validation = Validation(
        Settled.on(points, val_looks, config.refine),
        found,
        judge,
        (Settled.on(points, mark_looks, config.refine), mark_judge),
    )
    chosen = _choose(config, known, teacher, points, validation, report)
    faces = Settled.on(points, mark_looks, chosen.config).concluded(chosen.map, chosen.config)
    factor = float(np.quantile(mark_judge.sigmas_off(faces), _COVERED))
    report(f"sigma_factor: {factor:.2f}")
    refinement = Refinement(
        chosen.config, chosen.map, habit, factor, recognition=asset_sha256("recognition.safetensors")
    )
    scale = _scale(model.expression_names, chosen, points, known, report)
    shutil.copyfile(config.weights, config.out)
    save_refinement(refinement, config.out)
    save_blendshape_scale(scale, config.out)
    register_asset(config.out, _card(config, chosen, factor))
    return config.out


@dataclass(frozen=True, eq=False)
class _Chosen:
    """What validation chose, and what it scored."""

    map: IdentityMap
    join: JoinConfig
    ridge_people: float
    config: RefineConfig
    metrics: dict[str, float]


def _habits(basis: PointModel, known: _Known) -> Float[np.ndarray, "points 3"]:
    """From people whose identities are known, and from photos turned any way with the network's."""
    rows = _spread(len(known.people.looks))
    looks = Looks.joined([known.people.looks[rows], known.ordinary])
    people = known.people.identity[known.people.person[rows]]
    identity = np.concatenate((people, known.ordinary.identity))
    return find_habits(basis, looks, identity)


def _spread(photos: int) -> Int[np.ndarray, " some"]:
    """Some of many photos."""
    return np.arange(0, photos, max(1, photos // _ENOUGH))


def _choose(
    config: TrainLikenessConfig,
    known: _Known,
    teacher: ProfileTeacher,
    points: PointModel,
    validation: Validation,
    report: Report,
) -> _Chosen:
    """The map, then how faces settle on points, then what these count for identities."""
    people = known.people
    evidence = _with_profiles(people, teacher, config.profile_weight)
    heads, true = known.heads
    descriptors = np.concatenate((people.looks.descriptor, known.portraits.descriptor))
    domain = find_domain(descriptors, heads.descriptor, config.guard)
    elsewhere = find_elsewhere(domain, heads.identity, true)
    report(
        f"descriptors: trust of {domain.trust(people.looks.inputs).mean():.2f} in people's photos, "
        f"{domain.trust(known.portraits.inputs).mean():.2f} in portraits, "
        f"{domain.trust(heads.inputs).mean():.2f} in drawn heads"
    )
    ordinary = Settled.on(points, people.looks[_spread(len(people.looks))], config.refine)
    refine = replace(config.refine, discount=0.0)
    tried = []
    for ridge in config.grid.ridge_people:
        of_descriptor = PeopleMap.learn(
            people.looks.descriptor, people.person, evidence, replace(config.people_map, ridge_people=ridge)
        ).with_errors_of(people.looks.descriptor, people.person, people.known)
        learned = LearnedPeople(
            of_descriptor,
            known.ordinary.identity.mean(axis=0),
            ordinary.measured(config.refine).mean(axis=0),
        )
        report(f"ridge of {ridge:g} people:")
        join = choose_join(learned, elsewhere, validation, refine, config.grid, report)
        scored = validation.profile_score(learned.joined(join, elsewhere), refine)
        tried.append((scored.worth, ridge, join, learned))
    _, ridge, join, learned = max(tried, key=lambda one: one[0])
    told = learned.joined(join, elsewhere)
    report(f"joined: {join}")
    assert validation.marks is not None
    refine = choose_settling(told, *validation.marks, config.refine, config.grid, report)
    validation = validation.settled(refine)
    refine = choose_discount(told, validation, refine, config.grid, report)
    metrics = _metrics(validation, told, refine, Settled.on(points, heads, refine), true)
    for name, value in metrics.items():
        report(f"{name}: {value:.3f}")
    return _Chosen(told, join, ridge, refine, metrics)


def _with_profiles(people: LookedPeople, teacher: ProfileTeacher, weight: float) -> KnownPeople:
    """What is known of people, and their marked profiles once more."""
    rows = np.array([people.profiled.get(number, -1) for number in teacher.people])
    identity = np.where((rows >= 0)[:, None], people.identity[rows], 0.0)
    told = teacher(identity)
    known = rows >= 0
    information, vector = people.known.information.copy(), people.known.vector.copy()
    information[rows[known]] += weight * told.information[known]
    vector[rows[known]] += weight * told.vector[known]
    return KnownPeople(information, vector)


def _metrics(
    validation: Validation,
    known: IdentityMap,
    config: RefineConfig,
    heads: Settled,
    true: Float[np.ndarray, "heads identity"],
) -> dict[str, float]:
    people = validation.profile_score(known, config)
    said = validation.profiles(validation.identities_said())
    marks = validation.mark_score(known, config)
    found = heads.concluded(known, config).identity
    metrics = {
        "profiles_knows_percent": people.knows_percent,
        "profiles_over_another_percent": people.over_another_percent,
        "spread_mm": people.spread_mm,
        "network_alone_knows_percent": said.knows_percent,
        "network_alone_over_another_percent": said.over_another_percent,
        "heads_identity_error": float(np.sqrt(np.square(found - true).mean())),
        "heads_network_alone_identity_error": float(np.sqrt(np.square(heads.looks.identity - true).mean())),
    }
    if marks is not None:
        metrics |= {
            "merl_rav_nme_percent": marks.nme_percent,
            "mouth_correlation": marks.mouth[0],
            "mouth_slope": marks.mouth[1],
            "eyes_correlation": marks.eyes[0],
            "eyes_slope": marks.eyes[1],
        }
    return metrics


def _scale(
    names: tuple[str, ...], chosen: _Chosen, points: PointModel, known: _Known, report: Report
) -> BlendshapeScale:
    """Blendshapes in ARKit's scale, from measured expressions of photos of which both are known."""
    weights, wanted = [], []
    groups = (("aflw", known.ordinary), ("portraits_cc0", known.portraits))
    for name, looks in groups:
        if name not in known.scores:
            continue
        values = known.scores[name].of(looks.keys)
        rows = np.flatnonzero(np.isfinite(values).all(axis=1))
        if len(rows):
            faces = Settled.on(points, looks[rows], chosen.config).concluded(chosen.map, chosen.config)
            weights.append(faces.poses.expression)
            wanted.append(values[rows])
    if sum(map(len, weights)) < _FEWEST_SCORES:
        report("blendshapes: left as they are, for there are no scores of photos")
        return BlendshapeScale.identity(len(names))
    report(f"blendshapes: scale from {sum(map(len, weights))} photos")
    return fit_blendshape_scale(names, np.concatenate(weights), np.concatenate(wanted))


def _card(config: TrainLikenessConfig, chosen: _Chosen, sigma_factor: float) -> dict[str, Any]:
    """The network's card, and what this stage adds."""
    path = config.weights.with_name(f"{config.weights.stem}.card.json")
    before: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    data = [before.get("data", ""), _DATA]
    return before | {
        "data": "; ".join(filter(None, data)),
        "terms": " ".join(filter(None, [before.get("terms", ""), *TERMS.values()])),
        "likeness": {
            "command": _COMMAND,
            "config": config.recorded(),
            "network_sha256": sha256_of(config.weights),
            "join": asdict(chosen.join),
            "ridge_people": chosen.ridge_people,
            "refine": asdict(chosen.config),
            "sigma_factor": round(sigma_factor, 3),
            "metrics": {name: round(value, 3) for name, value in chosen.metrics.items()},
        },
    }
