"""A folder of prepared photos: shards of packs, each complete or absent, and what became of every photo.

prepare.json            how it is made
shards/00000/photos     a pack            shards/00000/records.jsonl    a line for each of its photos
shards/00000/turned     a pack of turned views
shards/00000/validation a pack of photos that are kept for validation
photos.jsonl            all records       summary.json                  counts; there once all is done
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from monoface.core.errors import DataError
from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json
from monoface.data.packs.arrays import PACK_HEADER
from monoface.data.packs.photo_pack import Pack
from monoface.data.sources.registry import own_terms

TURNED = "_turned"
TERMS = "terms"
"""Name, in the description of a folder, of the terms under which its photos may be used."""
SPACE = "coefficient space"
"""Name of the space of its coefficients there; earlier versions did not note it."""
PHOTOS, TURNED_VIEWS, VALIDATION = "photos", "turned", "validation"
"""Packs of a shard."""

_RECORDS = "records.jsonl"

Record = dict[str, Any]
"""What became of a photo, as JSON has it."""


class PreparedFolder:
    """The files of prepared photos.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """What its packs are called: the folder's own name."""
        return self.folder.resolve().name

    @property
    def terms(self) -> str:
        """Under which terms its photos may be used, as far as it says; empty otherwise."""
        path = self.folder / "prepare.json"
        return str(_read_json(path).get(TERMS, "")) if path.is_file() else ""

    def begin(self, description: dict[str, Any]) -> None:
        """Note how the photos are prepared, or check that they were begun so.

        Raises:
            DataError: If they were begun otherwise.
        """
        path = self.folder / "prepare.json"
        if path.is_file():
            begun = _read_json(path)
            # Folders that an earlier version began are gone on with.
            wanted = {name: one for name, one in description.items() if name != SPACE or name in begun}
            if begun != wanted:
                changed = sorted(
                    name for name in begun.keys() | wanted.keys() if begun.get(name) != wanted.get(name)
                )
                raise DataError(
                    f"{self.folder}: begun with other {', '.join(changed)}. Go on as it was begun, or choose "
                    "another folder."
                )
        else:
            write_atomically(path, _json_bytes(description))

    def has_shard(self, number: int) -> bool:
        """Whether a shard is complete."""
        return (self._shard(number) / PHOTOS / PACK_HEADER).is_file()

    def save_shard(
        self, number: int, records: Iterable[Record], packs: Mapping[str, Pack], recipe: str
    ) -> None:
        """Write a shard: its packs by kind. It counts as complete once the last of its files is there."""
        folder = self._shard(number)
        lines = "".join(json.dumps(record) + "\n" for record in records)
        write_atomically(folder / _RECORDS, lines.encode(), overwrite=True)
        for kind in (TURNED_VIEWS, VALIDATION, PHOTOS):
            packs[kind].save(folder / kind, recipe)

    def records(self, number: int) -> list[Record]:
        """Records of a complete shard.

        Raises:
            DataError: If they are damaged.
        """
        path = self._shard(number) / _RECORDS
        try:
            return [parse_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: damaged ({error}). Delete its folder and prepare again.") from error

    def finish(self, shards: int, summary: dict[str, Any]) -> None:
        """Write all records into one file, and the summary."""
        lines = (json.dumps(one) + "\n" for number in range(shards) for one in self.records(number))
        write_atomically(
            self.folder / "photos.jsonl",
            lambda file: file.writelines(line.encode() for line in lines),
            overwrite=True,
        )
        write_atomically(self.folder / "summary.json", _json_bytes(summary), overwrite=True)

    def packs(self, space: str | None = None) -> list[Pack]:
        """Packs to train on: those of photos under the folder's name, and those of turned views.

        Args:
            space: The coefficient space that they must be of; None takes any.

        Raises:
            DataError: If the photos are not all prepared, a shard is damaged, or coefficients are of another
                space.
        """
        path = self.folder / "prepare.json"
        noted = _read_json(path).get(SPACE, space) if space is not None and path.is_file() else space
        if noted != space:
            raise DataError(
                f"{self.folder}: expected coefficients of the space {space}, got {noted}. Train for the face "
                "model that the photos were prepared with."
            )
        return [*self._load(PHOTOS, self.name), *self._load(TURNED_VIEWS, self.name + TURNED)]

    def validation_packs(self) -> list[Pack]:
        """Packs that are kept for validation.

        Raises:
            DataError: As `packs`.
        """
        return self._load(VALIDATION, self.name)

    def _load(self, kind: str, name: str) -> list[Pack]:
        if not (self.folder / "summary.json").is_file():
            raise DataError(
                f"{self.folder}: expected prepared photos, found no summary.json. "
                "Run monoface data prepare, to its end."
            )
        recipe = _read_json(self.folder / "prepare.json").get("recipe")
        shards = sorted((self.folder / "shards").iterdir())
        terms = self.terms or own_terms(self.name)
        return [replace(Pack.load(shard / kind, recipe), name=name, terms=terms) for shard in shards]

    def _shard(self, number: int) -> Path:
        return self.folder / "shards" / f"{number:05d}"


def _json_bytes(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=2, sort_keys=True) + "\n").encode()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}). Prepare into another folder.") from error
    return values
