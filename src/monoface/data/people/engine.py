"""The label engine: looks at photos, learns habits, people and the population, labels, writes packs.

DIR/people.json             configuration and inputs of the run
DIR/looks/SOURCE/           network outputs for each photo (descriptors are removed once a run is complete)
DIR/habits.npz              mean offsets of each source's points from the face model; correction of lids
DIR/population.npz          how identities follow from descriptors, and their covariance
DIR/SOURCE/people.npz       each person's identity, its covariance, and what photos say without a prior
DIR/SOURCE/labels.npz       identity, pose and expression of each photo
DIR/SOURCE/                 packs, as `data.prepared` has them: what `monoface train --recipe.prepared` reads
DIR/report.json             quality figures; exists once all is done
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from monoface.core.errors import DataError
from monoface.core.files import write_atomically
from monoface.core.fixed_settings import whole_config
from monoface.core.json_text import parse_json
from monoface.data.packs.digests import model_digest
from monoface.data.people.config import PeopleConfig
from monoface.data.people.habits import Habits, find_habits
from monoface.data.people.lids import LidCorrection, find_lid_correction
from monoface.data.people.looking import Eyes, forget_descriptors, look_at_photos, looks_recipe
from monoface.data.people.looks import Looks
from monoface.data.people.marks import MESH, SourceMarks, check_expressions, read_marks
from monoface.data.people.mesh_points import HUMAN_SET
from monoface.data.people.people import (
    KnownPeople,
    SourceFaces,
    label_source,
    learn_people,
    leave_out_look_alikes,
    sources_with_people,
)
from monoface.data.people.photos import PeoplePhotos
from monoface.data.people.report import people_report, report_text
from monoface.data.people.storage import (
    load_habits,
    load_labels,
    load_people,
    load_population,
    save_habits,
    save_labels,
    save_people,
    save_population,
)
from monoface.data.people.writing import write_packs
from monoface.data.preparing.prepared import SPACE, TERMS, PreparedFolder
from monoface.facemodel import FaceModel
from monoface.facemodel.estimation.population import Population

_FORMAT = 1
_LOOKS = "looks"
# Names of a folder, and of arrays in habits.npz, beside those of sources.
_OWN_NAMES = frozenset({_LOOKS, "lids"})
Tell = Callable[[str, int, int], None]
"""Progress callback: stage, photos done, photos in total."""


def _nobody(stage: str, done: int, total: int) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class PeopleRun:
    """One run of the engine.

    Attributes:
        sources: Photos to label, by source.
        out: Folder for everything.
        model: The face model.
        eyes: The networks that run on the photos.
        config: How labels are made.
        keep_descriptors: Leave the descriptors among what was seen; they are biometric.
    """

    sources: Sequence[PeoplePhotos]
    out: Path
    model: FaceModel
    eyes: Eyes
    config: PeopleConfig
    keep_descriptors: bool = False

    @property
    def description(self) -> dict[str, Any]:
        """What decides about the labels, by name."""
        described: dict[str, Any] = {
            "format": _FORMAT,
            "sources": {one.name: f"{len(one)} photos, {one.digest}" for one in self.sources},
            "looks": {one.name: looks_recipe(one, self.eyes) for one in self.sources},
            "face model": model_digest(self.model),
            "configuration": parse_json(json.dumps(whole_config(self.config))),
        }
        text = json.dumps(described, sort_keys=True)
        return described | {"recipe": hashlib.sha256(text.encode()).hexdigest()[:16]}

    def folder(self, name: str) -> Path:
        """That of a source."""
        return self.out / name


def make_labels(run: PeopleRun, tell: Tell = _nobody) -> dict[str, Any]:
    """Label all photos of all sources, or go on where an earlier run was interrupted.

    Returns:
        The report; see `report`.

    Raises:
        DataError: If there is no source, two have one name, a file is damaged, or the folder was begun with
            something else.
        ModelFileError: If the face model's expressions are others than ARKit's.
    """
    check_expressions(run.model)
    names = [one.name for one in run.sources]
    if not names or len(set(names)) != len(names):
        raise DataError(f"people: expected sources of different names, got {', '.join(names) or 'none'}.")
    for name in _OWN_NAMES.intersection(names):
        raise DataError(
            f"source {name}: expected another name, for the label engine uses this one. Rename the folder."
        )
    description = run.description
    _begin(run.out, description)
    done = run.out / "report.json"
    if done.is_file():
        report: dict[str, Any] = parse_json(done.read_text(encoding="utf-8"))
        # An earlier run may have been killed after its report, before it removed them.
        _forget(run)
        return report
    faces = _faces(run, description["recipe"], tell)
    tell("identities", 0, 1)
    population, known = _people(run, faces, description["recipe"])
    tell("identities", 1, 1)
    summaries = {
        name: _label_and_write(run, source, known.get(name), population, description, tell)
        for name, source in faces.items()
    }
    report = people_report(faces, known, run.model, run.config) | {"sources": summaries}
    write_atomically(run.out / "report.txt", (report_text(report) + "\n").encode(), overwrite=True)
    write_atomically(done, (json.dumps(report, indent=2) + "\n").encode(), overwrite=True)
    _forget(run)
    return report


def _forget(run: PeopleRun) -> None:
    """Remove the descriptors, unless they shall be kept."""
    if not run.keep_descriptors:
        for photos in run.sources:
            forget_descriptors(run.out / _LOOKS / photos.name)


def _begin(out: Path, description: dict[str, Any]) -> None:
    path = out / "people.json"
    if not path.is_file():
        write_atomically(path, (json.dumps(description, indent=2, sort_keys=True) + "\n").encode())
        return
    try:
        begun = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(begun, dict):
            raise ValueError("no object")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}). Choose another folder.") from error
    changed = sorted(
        name for name in begun.keys() | description.keys() if begun.get(name) != description.get(name)
    )
    if changed:
        raise DataError(
            f"{out}: begun with other {', '.join(changed)}. Go on as it was begun, or choose another folder."
        )


def _faces(run: PeopleRun, recipe: str, tell: Tell) -> dict[str, SourceFaces]:
    """Photos, looks, marks and habits of all sources, without strangers and look-alikes."""
    looks = {}
    for photos in run.sources:

        def told(done: int, total: int, name: str = photos.name) -> None:
            tell(f"looking at {name}", done, total)

        looks[photos.name] = look_at_photos(photos, run.eyes, run.out / _LOOKS / photos.name, told)
    seen, marks, habits = _habits(run, looks, recipe, tell)
    faces = {
        photos.name: SourceFaces.of(
            photos, seen[photos.name], marks[photos.name], habits[photos.name], run.config
        )
        for photos in run.sources
    }
    return leave_out_look_alikes(faces, run.config)


def _habits(
    run: PeopleRun, looks: dict[str, Looks], recipe: str, tell: Tell
) -> tuple[dict[str, Looks], dict[str, SourceMarks], dict[str, Habits]]:
    """Looks with corrected lids, marks and habits of all sources; habits and lids are kept on disk."""
    path = run.out / "habits.npz"
    kept = load_habits(path, recipe)
    lids = kept[1] if kept is not None else _lids(run, looks)
    seen, marks, habits = {}, {}, {}
    for photos in run.sources:
        name = photos.name
        tell(f"marks of {name}", 0, len(photos))
        seen[name] = _opened(looks[name], lids)
        marks[name] = read_marks(photos, seen[name], run.model, run.config)
        if kept is None:
            habits[name] = find_habits(marks[name], run.model, run.config)
        tell(f"marks of {name}", len(photos), len(photos))
    if kept is None:
        save_habits(path, habits, lids, recipe)
        # The file rounds them: a run goes on with what a resumed one reads, so that both end alike.
        kept = load_habits(path, recipe)
        assert kept is not None
    return seen, marks, kept[0]


def _lids(run: PeopleRun, looks: dict[str, Looks]) -> LidCorrection:
    """From the source whose photos have both the mesh and people's points of both lids, if there is one."""
    best, most = LidCorrection(), 0
    for photos in run.sources:
        if HUMAN_SET not in photos.points_px:
            continue
        seen = looks[photos.name]
        marks = read_marks(photos, seen, run.model, run.config)
        human = photos.points_px[HUMAN_SET].astype(float)
        correction, count = find_lid_correction(seen.points_px.astype(float), human, marks.mesh)
        if count > most:
            best, most = correction, count
    return best


def _opened(looks: Looks, lids: LidCorrection) -> Looks:
    """Looks whose lids are as far apart as people would mark them."""
    points = looks.points_px.copy()
    points[:, MESH] = lids.corrected(points[:, MESH])
    return replace(looks, points_px=points)


def _people(
    run: PeopleRun, faces: dict[str, SourceFaces], recipe: str
) -> tuple[Population, dict[str, KnownPeople]]:
    """The population and all people; kept on disk, and read again if all of it is there."""
    path = run.out / "population.npz"
    kept = load_population(path, recipe)
    if kept is not None:
        found = {
            name: load_people(run.folder(name) / "people.npz", recipe)
            for name in sources_with_people(faces, run.model, run.config)
        }
        known = {name: people for name, people in found.items() if people is not None}
        if len(known) == len(found):
            return kept, known
    population, known = learn_people(faces, run.model, run.config)
    for name, people in known.items():
        save_people(run.folder(name) / "people.npz", people, recipe)
    # Last, for it says that people are there.
    save_population(path, population, recipe)
    # As a run that is resumed will read them, so that both end alike.
    return _people(run, faces, recipe)


def _label_and_write(
    run: PeopleRun,
    source: SourceFaces,
    known: KnownPeople | None,
    population: Population,
    description: dict[str, Any],
    tell: Tell,
) -> dict[str, Any]:
    """Labels and packs of a source; its summary."""
    name, recipe = source.photos.name, description["recipe"]
    path = run.folder(name) / "labels.npz"
    labels = load_labels(path, recipe)
    if labels is None:
        tell(f"labels of {name}", 0, len(source.photos))
        made = label_source(source, known, population, run.model, run.config)
        save_labels(path, made, source.photos, recipe)
        # As a run that is resumed will read them, so that both end alike.
        labels = load_labels(path, recipe)
        assert labels is not None
        tell(f"labels of {name}", len(source.photos), len(source.photos))
    prepared = PreparedFolder(run.folder(name))
    begun = {"recipe": recipe, TERMS: source.photos.terms, SPACE: run.model.coefficient_space}
    prepared.begin({**begun, "made by": "monoface data people"})
    return write_packs(
        prepared,
        source.photos,
        source.marks,
        labels,
        run.model,
        run.config,
        recipe,
        lambda done, total: tell(f"packs of {name}", done, total),
    )
