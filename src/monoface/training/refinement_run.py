"""The command `monoface train refinement`: from people that are known to how faces are measured."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from monoface.core.errors import ConfigError, DataError
from monoface.data.people.photos import PeoplePhotos, open_photos
from monoface.data.people.storage import load_people
from monoface.facemodel import FaceModel, load_default_model
from monoface.facemodel.dense_points import DensePoints
from monoface.facemodel.identity_prior import IdentityMap
from monoface.facemodel.point_model import PointModel
from monoface.facemodel.refinement import RefineConfig, conclude, look
from monoface.networks import load_regressor
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.pipeline.refinement_file import DESCRIPTOR, MEASURED, REGRESSED, Refinement, save_refinement
from monoface.training.refinement import (
    MeasuredPhotos,
    find_habits,
    learn_identity_map,
    provisional_refinement,
    with_measured,
)

_INPUTS = (DESCRIPTOR, REGRESSED, MEASURED)


@dataclass(frozen=True)
class TrainRefinementConfig:
    """Learn how faces of some weights are measured at the end, and put it into their file.

    Attributes:
        weights: Safetensors file of a regressor that finds points; it is changed.
        data: Folder that holds the sources.
        people: Folder that `monoface data people` made for these sources.
        sources: Those whose people are looked at.
        photos_a_person: Most photos of each person.
        inputs: What the identity map sees: descriptor, regressed, measured.
        config: How points are measured; its discount is chosen among `discounts`.
        discounts: The one with which held-out people's own evidence is least surprised.
        habit_expression_sd: As in `config`, while habits of points are found.
        seed: Of the choice of photos.
    """

    weights: Path
    data: Path
    people: Path
    sources: tuple[str, ...] = ("cfp", "ytf", "lfw")
    photos_a_person: int = 3
    inputs: tuple[str, ...] = _INPUTS
    config: RefineConfig = field(default_factory=RefineConfig)
    discounts: tuple[float, ...] = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
    habit_expression_sd: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.inputs or not set(self.inputs) <= set(_INPUTS):
            raise ConfigError(f"inputs: expected some of {', '.join(_INPUTS)}, got {self.inputs}.")
        if self.photos_a_person < 1 or not self.discounts:
            raise ConfigError("train refinement: expected at least one photo a person and one discount.")


@dataclass(frozen=True, eq=False)
class KnownPhotos:
    """Photos of people of whom much is known, and what is known of these.

    Attributes:
        image: Of each photo, one at a time.
        person: Whom each shows, as a row of the evidence.
        information: Of each person's identity.
        vector: `information` times the identity at which the evidence alone is at its best.
        identity: What is known best of each person.
        held_out: People who teach nothing.
    """

    image: tuple[Callable[[], UInt8[np.ndarray, "height width 3"]], ...]
    person: Int[np.ndarray, " photos"]
    information: Float[np.ndarray, "people identity identity"]
    vector: Float[np.ndarray, "people identity"]
    identity: Float[np.ndarray, "people identity"]
    held_out: Bool[np.ndarray, " people"]


def train_refinement(config: TrainRefinementConfig, report: Callable[[str], None]) -> Refinement:
    """Learn a refinement as configured, and put it into the file of the weights.

    Raises:
        ConfigError: If the weights find no points.
        DataError: If the people or the sources cannot be read, or nobody is held out.
        ModelFileError: If the weights are no regressor.
    """
    model = load_default_model()
    known = open_known_photos(config)
    report(f"{len(known.image)} photos of {len(known.vector)} people")
    photos, rows = measure_photos(config, model, known, report)
    person = known.person[rows]
    dense = DensePoints.of(model, load_regressor(config.weights)[1].point_sets)
    points = PointModel.of(model, dense.landmarks, np.float32)
    teaching = ~known.held_out[person]
    tight = replace(config.config, expression_sd=config.habit_expression_sd)
    habit_mm = find_habits(points, dense.mirror, photos[teaching], known.identity[person[teaching]], tight)
    report(f"habits of points: {np.linalg.norm(habit_mm, axis=1).mean():.2f} mm in the mean")
    points = points.moved(habit_mm)
    everybody, row_of = np.unique(person[teaching], return_inverse=True)
    identity_map, _ = learn_identity_map(
        points,
        photos[teaching],
        config.inputs,
        row_of,
        known.information[everybody],
        known.vector[everybody],
        config.config,
    )
    chosen = choose_discount(
        config, points, identity_map, photos[~teaching], known, person[~teaching], report
    )
    sees = DESCRIPTOR in config.inputs
    provisional = provisional_refinement(load_regressor(config.weights)[1], model, chosen)
    found = replace(
        provisional,
        identity_map=identity_map,
        habit_mm=habit_mm,
        recognition=provisional.recognition if sees else "",
    )
    save_refinement(found, config.weights)
    return found


def open_known_photos(config: TrainRefinementConfig) -> KnownPhotos:
    """The chosen photos of all sources."""
    rng = np.random.default_rng(config.seed)
    images: list[Callable[[], np.ndarray]] = []
    persons, parts = [], []
    people = 0
    for name in config.sources:
        photos = open_photos(name, config.data / name)
        found = load_people(config.people / name / "people.npz")
        if found is None:
            raise DataError(f"{config.people}: expected people of {name}, found none. Make them first.")
        for place, number in enumerate(found.number.tolist()):
            rows = found.rows[photos.person[found.rows] == number]
            for row in np.sort(rng.permutation(rows)[: config.photos_a_person]).tolist():
                images.append(_reader(photos, row))
                persons.append(people + place)
        held_out = np.isin(found.number, np.unique(photos.person[photos.held_out]))
        evidence = found.evidence
        parts.append((evidence.information, evidence.vector, found.identity.mean, held_out))
        people += len(found.number)
    information, vector, identity, held_out = (np.concatenate(part) for part in zip(*parts, strict=True))
    return KnownPhotos(tuple(images), np.array(persons), information, vector, identity, held_out)


def measure_photos(
    config: TrainRefinementConfig, model: FaceModel, known: KnownPhotos, report: Callable[[str], None]
) -> tuple[MeasuredPhotos, Int[np.ndarray, " found"]]:
    """The largest face of each photo, measured provisionally; and which photos have one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / config.weights.name
        shutil.copyfile(config.weights, path)
        info = load_regressor(path)[1]
        if not info.point_sets:
            raise ConfigError(f"weights {path.stem}: expected some that find points; these do not.")
        save_refinement(provisional_refinement(info, model, config.config), path)
        tools = Reconstructor(ReconstructorConfig(weights=str(path), max_faces=1, min_confidence=0.0))
        measurements, rows = [], []
        for row, result in enumerate(tools.reconstruct_each(_read(known))):
            if result.found and result.found[0].measurement is not None:
                measurements.append(result.found[0].measurement)
                rows.append(row)
            if row % 500 == 499:
                report(f"{row + 1} of {len(known.image)} photos measured")
    return MeasuredPhotos.of(measurements), np.array(rows)


def choose_discount(
    config: TrainRefinementConfig,
    points: PointModel,
    identity_map: IdentityMap,
    photos: MeasuredPhotos,
    known: KnownPhotos,
    person: Int[np.ndarray, " photos"],
    report: Callable[[str], None],
) -> RefineConfig:
    """The configuration whose identities explain the evidence of held-out people best.

    Raises:
        DataError: If there are no held-out people.
    """
    if not len(photos):
        raise DataError("train refinement: expected people who are held out, got none.")
    photos = with_measured(points, photos, config.config)
    prior = identity_map(photos.inputs)
    gains = {}
    for discount in config.discounts:
        one = replace(config.config, discount=discount)
        looked = look(points, photos.seen, photos.start, photos.inputs[REGRESSED], one)
        found = conclude(points, photos.seen, photos.start, looked, prior, one).identity
        gains[discount] = float(explained(found, known, person, identity_map.population_mean).mean())
        report(f"discount {discount:g}: {gains[discount]:.3f} nats a photo")
    best = max(gains, key=lambda discount: gains[discount])
    return replace(config.config, discount=best)


def explained(
    identity: Float[np.ndarray, "photos identity"],
    known: KnownPhotos,
    person: Int[np.ndarray, " photos"],
    mean: Float[np.ndarray, " identity"],
) -> Float[np.ndarray, " photos"]:
    """By how many nats identities explain the evidence of their people better than a mean does."""

    def likelihood(one: np.ndarray) -> np.ndarray:
        pulled = (known.information[person] @ one[..., None])[..., 0]
        told: np.ndarray = (known.vector[person] * one).sum(axis=1) - 0.5 * (pulled * one).sum(axis=1)
        return told

    return likelihood(identity) - likelihood(np.broadcast_to(mean, identity.shape))


def _reader(photos: PeoplePhotos, row: int) -> Callable[[], UInt8[np.ndarray, "height width 3"]]:
    return lambda: photos.image(row)


def _read(known: KnownPhotos) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    for read in known.image:
        yield read()
