"""Prepare a folder of photos for training: detect, crop, mark, fit, and say what became of each photo.

Photos are worked on in shards, so that memory does not grow with their number and an interrupted run goes on
where it ended. Equal folders and configurations end in equal files, interrupted or not.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from monoface.core.assets import asset_sha256
from monoface.core.errors import DataError
from monoface.core.fixed_settings import whole_config
from monoface.core.names import one_line
from monoface.core.progress import say
from monoface.data.labelling.pseudo_labels import TEACHER_SET
from monoface.data.packs.digests import model_digest
from monoface.data.preparing.prepare_config import PrepareConfig
from monoface.data.preparing.prepared import SPACE, PreparedFolder, Record
from monoface.data.preparing.shard_worker import Networks, PhotoReader, ShardWorker
from monoface.data.sources.annotations import Annotations, open_annotations
from monoface.facemodel import FaceModel

PHOTO_SUFFIXES = frozenset(
    {
        ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg",
        ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp",
    }
)  # fmt: skip
"""What files are taken for photos, whatever their case."""

_FORMAT = 2


def prepare_photos(
    folder: Path,
    out: Path,
    model: FaceModel,
    networks: Networks,
    read: PhotoReader,
    config: PrepareConfig | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Prepare all photos in a folder and its subfolders, or go on where an earlier run was interrupted.

    Args:
        folder: Holds the photos; hidden files and folders are left out.
        out: Gets the packs; see `prepared`.
        model: The face model that is fitted.
        networks: Detector and teacher.
        read: Reads a photo.
        config: What is kept.
        progress: Told how many photos of how many are done.

    Returns:
        The summary: how many photos and faces ended how.

    Raises:
        DataError: If there is no photo, annotations are missing, or `out` was begun with something else.
        ModelFileError: If the face model lacks the landmark set of the face-mesh network.
    """
    model.require_landmarks((TEACHER_SET,), "labelling photos")
    config = config or PrepareConfig()
    annotations = open_annotations(config.annotations, folder)
    photos = [one for one in list_photos(folder) if annotations.wants(one)]
    if not photos:
        raise DataError(f"{folder}: expected photos ({', '.join(sorted(PHOTO_SUFFIXES))}), found none.")
    prepared = PreparedFolder(out)
    description = _describe(folder, photos, annotations, model, config)
    prepared.begin(description)
    worker = ShardWorker(folder, annotations, model, networks, read, config)
    shards = [
        photos[start : start + config.photos_per_shard]
        for start in range(0, len(photos), config.photos_per_shard)
    ]
    done = 0
    for number, shard in enumerate(shards):
        if prepared.has_shard(number):
            worker.recall(prepared.records(number))
        else:
            made = worker.prepare(number, shard, partial(_progress_from, progress, done, len(photos)))
            prepared.save_shard(number, *made, description["recipe"])
        done += len(shard)
        progress(done, len(photos))
    summary = _summarise(record for number in range(len(shards)) for record in prepared.records(number))
    prepared.finish(len(shards), summary)
    return summary


def list_photos(folder: Path) -> list[str]:
    """Paths of the photos below a folder, from there, sorted; links to folders are not followed.

    What is no photo after all, such as a link that leads nowhere, is in the list: whoever reads it says so.
    Folders that cannot be listed are told of (`core.progress.say`) and left out.

    Raises:
        DataError: If there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of photos, found none.")
    found = []
    for place, folders, files in os.walk(folder, onerror=_tell_left_out):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(place, name).relative_to(folder).as_posix()
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in PHOTO_SUFFIXES
        ]
    return sorted(found)


def size_of(photo: Path) -> int:
    """Bytes of a file; -1 if it cannot be looked at, or is gone since it was listed."""
    try:
        return photo.stat().st_size
    except OSError:
        return -1


def _tell_left_out(error: OSError) -> None:
    say(one_line(f"{error.filename}: left out, for it cannot be listed ({error.strerror})"))


def _progress_from(progress: Callable[[int, int], None], done: int, total: int, more: int) -> None:
    progress(done + more, total)


def _describe(
    folder: Path, photos: Sequence[str], annotations: Annotations, model: FaceModel, config: PrepareConfig
) -> dict[str, Any]:
    """What decides about the result, by name; no path of this machine."""
    listing = hashlib.sha256()
    for photo in photos:
        listing.update(os.fsencode(f"{photo}\0{size_of(folder / photo)}\n"))
    networks = hashlib.sha256()
    for name in ("blazeface_short.onnx", "blazeface_full.onnx", "facemesh.onnx"):
        networks.update(asset_sha256(name).encode())
    description: dict[str, Any] = {
        "format": _FORMAT,
        "photos": f"{len(photos)} photos, {listing.hexdigest()[:16]}",
        "annotations": annotations.digest[:16],
        "face model": model_digest(model),
        "networks": networks.hexdigest()[:16],
        "configuration": json.loads(json.dumps(whole_config(config))),
    }
    text = json.dumps(description, sort_keys=True)
    recipe = hashlib.sha256(text.encode()).hexdigest()[:16]
    return description | {"recipe": recipe, SPACE: model.coefficient_space}


def _summarise(records: Iterator[Record]) -> dict[str, Any]:
    photos: Counter[str] = Counter()
    faces: Counter[str] = Counter()
    mistakes: Counter[str] = Counter()
    annotated = 0
    for record in records:
        photos[record["outcome"]] += 1
        found = record.get("faces", ())
        faces.update(face["outcome"] for face in found)
        annotated += sum("annotated" in face for face in found)
        mistakes.update(face["mistake"] for face in found if "mistake" in face)
    summary: dict[str, Any] = {"photos": dict(photos), "faces": dict(faces)}
    if annotated:
        summary["annotations"] = {"faces": annotated, "wrong": dict(mistakes)}
    return summary
