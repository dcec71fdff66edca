"""`monoface data prepare FOLDER --out DIR`: a folder of photos becomes packs to train on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro

from monoface.cli.console.live import showing_progress
from monoface.cli.console.progress import ALL_FINE, NOTHING_USABLE, make_folder
from monoface.core.progress import Progress, announce
from monoface.data.preparing.annotation_checks import WRONG_TEXTS
from monoface.data.preparing.prepare import prepare_photos
from monoface.data.preparing.prepare_config import PrepareConfig
from monoface.data.preparing.shard_worker import Networks
from monoface.detection import FaceDetector, FaceDetectorConfig, FaceMeshConfig, FaceMeshTeacher
from monoface.facemodel import open_face_model
from monoface.photos.reading import read_image


@dataclass(frozen=True)
class PrepareArguments:
    """Turn a folder of photos, with all its subfolders, into packs to train on.

    Finds the faces, cuts them out, marks them densely and fits the face model. What is of no use is left
    out: DIR/photos.jsonl says of every photo and face what became of it, DIR/summary.json counts. A run that
    was interrupted goes on where it ended when it is started again with the same options. Train on the result
    with `monoface train pretrain --recipe.prepared DIR --shares …`, by the folder's name.

    Exit code: 0 some faces are kept, 2 usage error, 4 none.
    """

    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    """Photos, in any format that `monoface reconstruct` reads."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the packs; its name is theirs."""
    config: Annotated[PrepareConfig, tyro.conf.arg(name="")] = field(default_factory=PrepareConfig)
    """What is kept, and how."""
    face_model: Path | None = None
    """File that `monoface facemodel learn` wrote; the shipped face model by default."""
    threads: int = 2
    """Threads that look for faces."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(PrepareArguments, prog="monoface data prepare", args=list(arguments))
    make_folder(chosen.out)
    model = open_face_model(chosen.face_model)
    networks = Networks(
        FaceDetector(FaceDetectorConfig(threads=chosen.threads)), FaceMeshTeacher(FaceMeshConfig(passes=3))
    )
    read = partial(read_image, max_side_px=chosen.config.max_side_px)
    with showing_progress("listing photos"):
        summary = prepare_photos(chosen.folder, chosen.out, model, networks, read, chosen.config, _prepared)
    return _print_summary(summary, chosen.out)


def _prepared(done: int, total: int) -> None:
    announce(Progress("preparing", done, total, "photos"))


def _print_summary(summary: dict[str, Any], out: Path) -> int:
    for what in ("photos", "faces"):
        counts = sorted(summary[what].items(), key=lambda item: -item[1])
        print(f"{what}: " + (", ".join(f"{count} {outcome}" for outcome, count in counts) or "none"))
    annotations = summary.get("annotations", {"wrong": {}})
    for mistake, count in sorted(annotations["wrong"].items(), key=lambda item: -item[1]):
        print(f"annotations: {count} of {annotations['faces']} {WRONG_TEXTS[mistake]}; left out")
    print(f"what became of each: {out / 'photos.jsonl'}")
    kept = any(outcome.startswith("kept") for outcome in summary["faces"])
    return ALL_FINE if kept else NOTHING_USABLE
