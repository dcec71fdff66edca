"""`monoface data people --data DATA --out DIR`: photos of known people become packs to train on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro

from monoface.cli.console.live import showing_progress
from monoface.cli.console.progress import ALL_FINE, NOTHING_USABLE, make_folder
from monoface.core.errors import ConfigError
from monoface.core.progress import Progress, announce
from monoface.data.people.config import PeopleConfig
from monoface.data.people.engine import PeopleRun, make_labels
from monoface.data.people.looking import Eyes
from monoface.data.people.photos import PeoplePhotos, open_folder, open_photos
from monoface.data.people.report import report_text
from monoface.facemodel import open_face_model
from monoface.photos.reading import read_image

_MAX_SIDE_PX = 2048


@dataclass(frozen=True)
class PeopleArguments:
    """Label photos by who is seen: one identity a person, from all photos of the person.

    Looks at every photo once, finds where the marks of each source lie on the face model, one identity for
    each person, how identities follow from a face recognition descriptor, and pose, expression and gaze of
    every photo. DIR gets a folder for each source, to train on with `monoface train … --recipe.prepared
    DIR/cfp … --shares …`, and report.txt, which says how well people are known. A run that was interrupted
    goes on where it ended when it is started again with the same options.

    Exit code: 0 some photos are labelled, 2 usage error, 4 none.
    """

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for everything."""
    data: Path | None = None
    """Folder that holds the sources."""
    sources: tuple[str, ...] = ()
    """Sources to label: cfp, ytf, lfw, aflw, omi, portraits_cc0, fasseg; cfp, ytf, lfw and aflw by default
    where `--data` is given."""
    folders: tuple[Path, ...] = ()
    """Folders of your own photos, each with a folder for every person."""
    landmarker: Path | None = None
    """Your own copy of Google's face_landmarker.task (needs `monoface[labels]`). Without it the shipped face
    mesh looks, there are no labels of gaze, and expressions are known from the mesh alone."""
    face_model: Path | None = None
    """File that `monoface facemodel learn` wrote; the shipped face model by default."""
    keep_descriptors: bool = False
    """Leave face recognition descriptors in DIR/looks. They are biometric; otherwise they are removed once
    the run is complete."""
    config: Annotated[PeopleConfig, tyro.conf.arg(name="")] = field(default_factory=PeopleConfig)
    """How labels are made."""


_DEFAULT_SOURCES = ("cfp", "ytf", "lfw", "aflw")


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(PeopleArguments, prog="monoface data people", args=list(arguments))
    make_folder(chosen.out)
    labelled = PeopleRun(
        _sources(chosen),
        chosen.out,
        open_face_model(chosen.face_model),
        Eyes(chosen.landmarker),
        chosen.config,
        chosen.keep_descriptors,
    )
    report = _labelled(labelled)
    print(report_text(report))
    print(f"what became of each photo: {chosen.out}/SOURCE/photos.jsonl")
    kept = any(summary["photos"].get("kept") for summary in report["sources"].values())
    return ALL_FINE if kept else NOTHING_USABLE


def _labelled(run: PeopleRun) -> dict[str, Any]:
    with showing_progress("preparing to label people"):
        return make_labels(run, lambda stage, done, total: announce(Progress(stage, done, total)))


def _sources(chosen: PeopleArguments) -> list[PeoplePhotos]:
    names = chosen.sources or (_DEFAULT_SOURCES if chosen.data is not None else ())
    if names and chosen.data is None:
        raise ConfigError("--sources: expected --data, the folder that holds them, got none.")
    if not names and not chosen.folders:
        raise ConfigError("data people: expected --data with sources, or --folders of your own, got neither.")
    every = chosen.config.held_out_people
    opened = [open_photos(name, chosen.data / name, every) for name in names if chosen.data is not None]
    read = partial(read_image, max_side_px=_MAX_SIDE_PX)
    return opened + [open_folder(folder, read, every) for folder in chosen.folders]
