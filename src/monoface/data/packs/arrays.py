"""What all packs have in common: a dataclass of arrays, kept as a folder of plain files."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self, get_origin

import numpy as np

from monoface.core.array_files import read_npy
from monoface.core.errors import DataError
from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json

PACK_HEADER = "pack.json"
"""The file whose presence says that a pack is complete."""
_ARRAY = "an array of a pack"


@dataclass(frozen=True)
class ArrayFolder:
    """Base of dataclasses that are kept in a folder, a field a file.

    Arrays are `.npy` files of their field's name, and fields that may be None are left out where they are.
    A dictionary of arrays has a file for each, named after the part of the field's name before `_px`; a field
    of another `ArrayFolder` lies in the same folder. Names, numbers and truth values are in the JSON header,
    which is written last.

    Attributes:
        HEADER: Name of the header's file.
        FIXED: What the header says of every folder of this class, such as its format.
        MAPPED: Fields that stay on disk and are mapped into memory.
        RENAMED: What older headers call a field, by its name today.
    """

    HEADER: ClassVar[str] = PACK_HEADER
    FIXED: ClassVar[Mapping[str, Any]] = {"format": 1}
    MAPPED: ClassVar[tuple[str, ...]] = ("canvases",)
    RENAMED: ClassVar[Mapping[str, str]] = {}

    def save(self, folder: Path, recipe: str = "") -> None:
        """Write the arrays; `recipe` identifies how they were made. Complete once the header is there."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.HEADER).unlink(missing_ok=True)
        header = {**self.FIXED, "recipe": recipe, **self._write(folder)}
        write_atomically(folder / self.HEADER, json.dumps(header).encode())

    @classmethod
    def load(cls, folder: Path, recipe: str | None = None) -> Self:
        """Read what `save` wrote; large arrays stay on disk and are mapped into memory.

        Args:
            folder: Where it is.
            recipe: The recipe that must have made it; None takes any.

        Raises:
            DataError: If there is no complete folder, it is damaged, or another recipe made it.
        """
        path = folder / cls.HEADER
        if not path.is_file():
            raise DataError(f"{folder}: expected a finished pack, found no {cls.HEADER}.")
        try:
            header = parse_json(path.read_text(encoding="utf-8"))
            made = {name: header[name] for name in cls.FIXED} | {"recipe": header.get("recipe", "")}
            if made == {**cls.FIXED, "recipe": made["recipe"] if recipe is None else recipe}:
                return cls._read(folder, header)
        except (OSError, KeyError, TypeError, ValueError, EOFError, DataError) as error:
            raise DataError(f"{folder}: damaged ({error}); delete the folder to make it anew.") from error
        by = "another recipe" if "recipe" in header else "a version that does not say how"
        raise DataError(f"{folder}: made by {by}; delete the folder to make it anew.")

    def _write(self, folder: Path) -> dict[str, Any]:
        """Write the arrays; returns what the header says of the fields."""
        header: dict[str, Any] = {}
        for one, value in ((one, getattr(self, one.name)) for one in fields(self)):
            if isinstance(value, ArrayFolder):
                header |= value._write(folder)
            elif isinstance(value, Mapping):
                header[_prefix(one)] = sorted(value)
                for name, array in value.items():
                    np.save(folder / f"{_prefix(one)}.{name}.npy", array)
            elif one.type in (str, int, bool):
                header[one.name] = value
            else:
                if one.default is None:
                    header[one.name] = value is not None
                (folder / f"{one.name}.npy").unlink(missing_ok=True)
                if value is not None:
                    np.save(folder / f"{one.name}.npy", value)
        return header

    @classmethod
    def _read(cls, folder: Path, header: Mapping[str, Any]) -> Self:
        return cls(**{one.name: cls._read_field(one, folder, header) for one in fields(cls)})

    @classmethod
    def _read_field(cls, one: "Field[Any]", folder: Path, header: Mapping[str, Any]) -> Any:
        if isinstance(one.type, type) and issubclass(one.type, ArrayFolder):
            return one.type._read(folder, header)
        if get_origin(one.type) is dict:
            prefix = _prefix(one)
            paths = {name: folder / f"{prefix}.{name}.npy" for name in header[prefix]}
            return {name: read_npy(path, _ARRAY) for name, path in paths.items()}
        if one.type in (str, int, bool):
            # Older folders do not have all of them.
            name = one.name if one.name in header else cls.RENAMED.get(one.name, one.name)
            return header[name] if one.default is MISSING else header.get(name, one.default)
        path = folder / f"{one.name}.npy"
        if one.default is None and not (header.get(one.name, True) and path.is_file()):
            return None
        # What is mapped cannot be larger than the file.
        return np.load(path, mmap_mode="r") if one.name in cls.MAPPED else read_npy(path, _ARRAY)


def expect_rows(pack: object, what: str, count: int, *names: str) -> None:
    """Refuse a pack whose fields of some names have another number of rows; what is None is left out.

    Args:
        pack: Has the fields.
        what: What messages call it.
        count: Rows that all should have; of a dictionary, those of each value.
        names: Of the fields.

    Raises:
        DataError: If one has another number.
    """
    for name in names:
        value = getattr(pack, name)
        arrays = value if isinstance(value, Mapping) else {name: value}
        for key, array in arrays.items():
            if array is not None and len(array) != count:
                raise DataError(f"{what}: expected {count} rows in {key}, got {len(array)}.")


def _prefix(one: "Field[Any]") -> str:
    return one.name.removesuffix("_px")
