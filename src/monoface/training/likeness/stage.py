"""The command `monoface train likeness`: from a trained network to weights that know people."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from monoface.core.assets import asset_sha256, register_asset
from monoface.core.errors import ConfigError, OutputExistsError
from monoface.facemodel.blendshape_scale import BlendshapeScale, fit_blendshape_scale
from monoface.facemodel.dense_points import DensePoints
from monoface.facemodel.estimation.identity_prior import Elsewhere, IdentityMap
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.refinement import RefineConfig
from monoface.pipeline.refining.blendshape_file import save_blendshape_scale
from monoface.pipeline.refining.refinement_file import (
    MEASURED,
    REGRESSED,
    Refinement,
    save_refinement,
)
from monoface.training.likeness.card import Chosen, card_of, metrics_of
from monoface.training.likeness.choosing import (
    GridConfig,
    Tried,
    Validation,
    choose_discount,
    choose_gain,
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
    look_at_scan,
    look_at_validation_people,
)
from monoface.training.likeness.habits import find_habits
from monoface.training.likeness.joining import JoinConfig, LearnedPeople, find_domain, find_elsewhere
from monoface.training.likeness.judging import ProfileJudge, ProfileTeacher, ScanJudge
from monoface.training.likeness.looks import Looker, Looks
from monoface.training.likeness.marked import MarkJudge
from monoface.training.likeness.measuring import Settled
from monoface.training.likeness.people_map import KnownPeople, PeopleMap
from monoface.training.likeness.scores import BlendshapeScores

Report = Callable[[str], None]
_COVERED = 0.68
_FEWEST_SCORES = 30
# So many photos tell what all do on average.
_ENOUGH = 300
# Such a part of calm portraits is at rest in each expression.
_AT_REST = 0.8


@dataclass(frozen=True, eq=False)
class _Known:
    """What was looked at."""

    people: LookedPeople
    ordinary: Looks
    portraits: Looks
    heads: tuple[Looks, Float[np.ndarray, "heads identity"]]
    scores: dict[str, BlendshapeScores]


def train_likeness(
    config: TrainLikenessConfig,
    teacher: ProfileTeacher,
    judge: ProfileJudge,
    report: Report,
    scan: ScanJudge | None = None,
) -> Path:
    """Learn, choose and write; nothing of the network itself changes.

    Args:
        config: How.
        teacher: Training people's profiles.
        judge: Validation people's profiles.
        report: Gets lines about the progress.
        scan: A head that was measured, to choose by besides.

    Returns:
        Path of the weights.

    Raises:
        OutputExistsError: If the file exists and may not be overwritten.
        DataError: If data are missing or damaged.
        ConfigError: If there are no such weights, or they see through a pinhole.
        ModelFileError: If the weights find no points.
    """
    if not config.init.is_file():
        raise ConfigError(f"init {config.init}: expected a file, found none.")
    if config.out.exists() and not config.overwrite:
        raise OutputExistsError(f"{config.out} exists. Use --overwrite to replace it.")
    config.out.parent.mkdir(parents=True, exist_ok=True)
    folder = config.out.with_suffix(".looks")
    looker = Looker(config.init, folder, report, config.face_model)
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
    validation = _validation(config, looker, points, judge, known, scan)
    chosen = _choose(config, known, teacher, points, validation, model.expression_names, report)
    settled, mark_judge = validation.settled(chosen.config, chosen.gain).marks
    faces = settled.concluded(chosen.map, chosen.config)
    factor = float(np.quantile(mark_judge.sigmas_off(faces), _COVERED))
    report(f"sigma_factor: {factor:.2f}")
    refinement = Refinement(
        chosen.config,
        chosen.map,
        habit,
        factor,
        recognition=asset_sha256("recognition.safetensors"),
        gain=chosen.gain,
    )
    scale = _scale(model.expression_names, chosen, points, known, report)
    shutil.copyfile(config.init, config.out)
    save_refinement(refinement, config.out)
    save_blendshape_scale(scale, config.out)
    register_asset(config.out, card_of(config, chosen, factor))
    return config.out


def _validation(
    config: TrainLikenessConfig,
    looker: Looker,
    points: PointModel,
    judge: ProfileJudge,
    known: _Known,
    scan: ScanJudge | None,
) -> Validation:
    """People, photos and heads to choose by, settled as the search begins."""
    people, found = look_at_validation_people(config, looker, list(judge.people))
    photos, marks = look_at_marks(config, looker)
    heads, true = known.heads

    def settled(looks: Looks) -> Settled:
        return Settled.on(points, looks, config.refine)

    marked = settled(photos), MarkJudge(looker.model, marks)
    measured = None if scan is None else (settled(look_at_scan(scan, looker)), scan)
    return Validation(settled(people), found, judge, marked, (settled(heads), true), measured)


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
    model_names: tuple[str, ...],
    report: Report,
) -> Chosen:
    """How faces settle on points, then the map, then what points count for identities."""
    people = known.people
    seen = people.looks.descriptor, people.person
    maps = [
        (
            tried,
            PeopleMap.learn(*seen, evidence, tried.of(config.people_map)).with_errors_of(*seen, people.known),
        )
        for tried, evidence in _evidences(people, teacher, config.grid)
    ]
    nobody = np.zeros(points.identity_size)
    first = LearnedPeople(maps[0][1], nobody, nobody).joined(JoinConfig())
    refine = choose_settling(first, *validation.marks, config.refine, config.grid, report)
    calm = Settled.on(points, known.portraits, refine).concluded(first, refine).poses.expression
    rest = model_names, np.quantile(calm, _AT_REST, axis=0)
    gain = choose_gain(first, *validation.settled(refine).marks, refine, rest, config.grid, report)
    validation = validation.settled(refine, gain)
    elsewhere = _guard(config, known, validation, refine, report)
    some = Settled.on(points, people.looks[_spread(len(people.looks))], refine, gain)
    means = known.ordinary.identity.mean(axis=0), some.measured(refine).mean(axis=0)
    found: list[tuple[float, Tried, JoinConfig, IdentityMap]] = []
    for tried, of_descriptor in maps:
        report(f"{tried}:")
        learned, prior_alone = LearnedPeople(of_descriptor, *means), replace(refine, discount=0.0)
        worth, join = choose_join(learned, elsewhere, validation, prior_alone, config.grid, report)
        found.append((worth, tried, join, learned.joined(join, elsewhere)))
    _, best, join, told = max(found, key=lambda one: one[0])
    report(f"learned: {best}; joined: {join}")
    refine = choose_discount(told, validation, refine, config.grid, report)
    metrics = metrics_of(validation, told, refine)
    for name, value in metrics.items():
        report(f"{name}: {value:.3f}")
    return Chosen(told, join, best, refine, gain, metrics)


def _evidences(
    people: LookedPeople, teacher: ProfileTeacher, grid: GridConfig
) -> Iterator[tuple[Tried, KnownPeople]]:
    """All that maps are learned from."""
    for weight in grid.profile_weight:
        evidence = _with_profiles(people, teacher, weight)
        for mean_share, ridge_people in product(grid.mean_share, grid.ridge_people):
            yield Tried(weight, mean_share, ridge_people), evidence


def _guard(
    config: TrainLikenessConfig,
    known: _Known,
    validation: Validation,
    refine: RefineConfig,
    report: Report,
) -> Elsewhere:
    """What is said where descriptors are not believed, and where that is."""
    photos = np.concatenate((known.people.looks.descriptor, known.portraits.descriptor))
    settled, true = validation.heads
    heads = settled.looks
    domain = find_domain(photos, heads.descriptor, config.guard)
    report(
        f"descriptors: trust of {domain.trust(known.people.looks.inputs).mean():.2f} in people's photos, "
        f"{domain.trust(known.portraits.inputs).mean():.2f} in portraits, "
        f"{domain.trust(heads.inputs).mean():.2f} in synthetic heads"
    )
    said = {REGRESSED: heads.identity, MEASURED: settled.measured(refine)}
    elsewhere = find_elsewhere(domain, said, true)
    report(f"elsewhere {elsewhere.source[0]} is asked, times {elsewhere.weight[0, 0]:.2f}")
    return elsewhere


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


def _scale(
    names: tuple[str, ...], chosen: Chosen, points: PointModel, known: _Known, report: Report
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
            settled = Settled.on(points, looks[rows], chosen.config, chosen.gain)
            faces = settled.concluded(chosen.map, chosen.config)
            weights.append(faces.poses.expression)
            wanted.append(values[rows])
    if sum(map(len, weights)) < _FEWEST_SCORES:
        report("blendshapes: left as they are, for there are no scores of photos")
        return BlendshapeScale.identity(len(names))
    report(f"blendshapes: scale from {sum(map(len, weights))} photos")
    return fit_blendshape_scale(names, np.concatenate(weights), np.concatenate(wanted))
