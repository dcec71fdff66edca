"""All that a refinement is learned from and chosen by, looked at with the network it is for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, UInt8

from monoface.core.errors import DataError
from monoface.data.packs.arrays import PACK_HEADER
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.data.sources import Aflw, Cfp, MerlRav, PortraitsCc0
from monoface.data.synthetic.heads import HeadsConfig, heads_pack
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.training.likeness.config import TrainLikenessConfig
from monoface.training.likeness.judging import ScanJudge
from monoface.training.likeness.looks import Looker, Looks
from monoface.training.likeness.marked import MarkedFaces
from monoface.training.likeness.people_evidence import (
    PROFILES,
    SourcePeople,
    people_file,
    people_sources,
    read_people,
)
from monoface.training.likeness.people_map import KnownPeople
from monoface.training.likeness.scores import BlendshapeScores, read_scores

Report = Callable[[str], None]
# Heads of training begin with seeds near 0.
_HEADS_SEED = 7_000_003
_AHEAD_DEG = 35.0


@dataclass(frozen=True, eq=False)
class LookedPeople:
    """People of all sources who teach, and photos of them with a face that looks at the camera.

    Attributes:
        known: What is known of each person.
        identity: Who they are, as the label engine has it.
        looks: Photos.
        person: Whom each shows, as a row of the others; everybody is seen.
        profiled: Row of each person whose profiles are marked, by the number that the source has.
    """

    known: KnownPeople
    identity: Float[np.ndarray, "people identity"]
    looks: Looks
    person: Int[np.ndarray, " photos"]
    profiled: Mapping[int, int]


def look_at_people(config: TrainLikenessConfig, looker: Looker, report: Report) -> LookedPeople:
    """Photos from the front of the people of all sources there are.

    Raises:
        DataError: If there are no people, or files cannot be read.
    """
    found = people_sources(config.people)
    if PROFILES not in found:
        raise DataError(f"{people_file(config.people, PROFILES)}: expected people, found no such file.")
    parts = [
        _looked(read_people(config.people, config.data, name), getattr(config.photos, name), config, looker)
        for name in found
    ]
    start = np.cumsum([0, *(len(part.identity) for part in parts)])
    people = LookedPeople(
        KnownPeople(
            np.concatenate([part.known.information for part in parts]),
            np.concatenate([part.known.vector for part in parts]),
        ),
        np.concatenate([part.identity for part in parts]),
        Looks.joined([part.looks for part in parts]),
        np.concatenate([part.person + first for part, first in zip(parts, start[:-1], strict=True)]),
        # The source with profiles is the first of all.
        parts[0].profiled,
    )
    report(f"people: {len(people.identity)}, in {len(people.looks)} photos")
    return people


def _looked(source: SourcePeople, each: int, config: TrainLikenessConfig, looker: Looker) -> LookedPeople:
    """Of one source; people of whom no photo shows a face are left out."""
    most = None if source.name == PROFILES else config.photos.people
    rows = source.some_rows(each, most, config.seed)
    looks = looker.look(source.name, source.keys, source.image, rows)
    usable = looks.found & (looks.turn_deg <= _AHEAD_DEG)
    looks, rows = looks[np.flatnonzero(usable)], rows[usable]
    people, person = np.unique(source.person[rows], return_inverse=True)
    profiled = {int(source.number[row]): place for place, row in enumerate(people.tolist())}
    return LookedPeople(source.known[people], source.identity[people], looks, person, profiled)


def look_at_validation_people(
    config: TrainLikenessConfig, looker: Looker, people: list[int]
) -> tuple[Looks, Int[np.ndarray, " found"]]:
    """The first photo from the front of each; and in which a face was found."""
    source = Cfp(config.data / PROFILES, split="val")
    rows = [int(np.flatnonzero((source.person == one) & ~source.profile)[0]) for one in people]
    looks = looker.look(f"{PROFILES}_val", source.keys, source.image, rows)
    found = np.flatnonzero(looks.found)
    return looks[found], found


def look_at_marks(config: TrainLikenessConfig, looker: Looker) -> tuple[Looks, MarkedFaces]:
    """Photos with marks, in which a face was found."""
    marks = MarkedFaces.of(MerlRav(config.data / "aflw", split="val"))
    marks = marks[marks.some(config.photos.marked, config.seed)]
    looks = looker.look("aflw_val", marks.keys, marks.image, range(len(marks.keys)), square=1.0)
    found = np.flatnonzero(looks.found)
    return looks[found], marks[found]


def look_at_ordinary(config: TrainLikenessConfig, looker: Looker, scores: BlendshapeScores | None) -> Looks:
    """Photos that nobody's name goes with, turned any way, and some with expressions that are rare."""
    source = Aflw(config.data / "aflw", split="train")
    rows = np.random.default_rng((config.seed, 63)).permutation(len(source))[: config.photos.ordinary]
    if scores is not None:
        rows = np.union1d(rows, scores.striking(tuple(source.keys), config.photos.striking))
    looks = looker.look("aflw", source.keys, source.image, rows.tolist(), square=1.0)
    return looks[np.flatnonzero(looks.found)]


def look_at_portraits(config: TrainLikenessConfig, looker: Looker) -> Looks:
    """Calm portraits."""
    source = PortraitsCc0(config.data / "portraits_cc0")
    rows = range(min(len(source), config.photos.portraits))
    looks = looker.look("portraits_cc0", source.keys, source.image, rows)
    return looks[np.flatnonzero(looks.found)]


def look_at_scan(judge: ScanJudge, looker: Looker) -> Looks:
    """Photos of a head that was measured."""
    pictures = judge.pictures
    keys = tuple(f"{judge.name}{row:03d}" for row in range(len(pictures)))
    looks = looker.look("scan", keys, lambda row: pictures[row], range(len(pictures)))
    return looks[np.flatnonzero(looks.found)]


def look_at_heads(
    config: TrainLikenessConfig, looker: Looker, folder: Path
) -> tuple[Looks, Float64[np.ndarray, "heads identity"]]:
    """Synthetic heads, and who they are."""
    pack = _heads(looker.model, config, folder)
    keys = tuple(f"head{row:05d}" for row in range(len(pack)))

    def image(row: int) -> UInt8[np.ndarray, "height width 3"]:
        return np.asarray(pack.canvases[row])

    looks = looker.look("heads", keys, image, range(len(pack)), square=FACE_PX / CANVAS_PX)
    layout = CoefficientLayout.of(looker.model)
    true = layout.decode(torch.from_numpy(np.asarray(pack.outputs)), FACE_PX)[0].identity
    found = np.flatnonzero(looks.found)
    return looks[found], true.double().numpy()[found]


def _heads(model: FaceModel, config: TrainLikenessConfig, folder: Path) -> Pack:
    """They are drawn once."""
    recipe = f"heads {config.photos.heads} {model.coefficient_space} {config.seed}"
    place = folder / "heads"
    if (place / PACK_HEADER).is_file():
        return Pack.load(place, recipe)
    heads = HeadsConfig(count=config.photos.heads, max_yaw_deg=60.0, seed=_HEADS_SEED + config.seed)
    pack = heads_pack(model, np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8), heads)
    pack.save(place, recipe)
    return pack


def blendshape_scores(config: TrainLikenessConfig, expressions: int) -> dict[str, BlendshapeScores]:
    """Scores by the source's name; none without a folder of them."""
    if config.blendshapes is None:
        return {}
    names = ("aflw", "portraits_cc0")
    paths = {name: config.blendshapes / f"{name}.npz" for name in names}
    return {name: read_scores(path, expressions) for name, path in paths.items() if path.is_file()}
