"""Tables of expression weights that photos are said to show."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monoface.core.errors import DataError
from monoface.core.names import said_of

COLUMNS: Final = ("file", "name", "value")
"""Columns of a table of labels: the photo's path, the name of an expression, its weight."""


@dataclass(frozen=True)
class Label:
    """One line of a table: an expression's weight in a photo."""

    file: str
    name: str
    value: float


def read_labels_table(path: Path) -> list[Label]:
    """Labels of a table.

    Raises:
        DataError: If it cannot be read, lacks a column, has a value that is no number from 0 to 1, or labels
            one expression of a photo twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table of labels, cannot read it ({error}).") from error
    labels = []
    for line, row in enumerate(rows, start=2):
        try:
            label = Label(row["file"].strip(), row["name"].strip(), float(row["value"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{path}, line {line}: expected the columns {', '.join(COLUMNS)}, got {said_of(error)}."
            ) from error
        if not 0 <= label.value <= 1:
            raise DataError(f"{path}, line {line}: expected a value from 0 to 1, got {row['value']}.")
        labels.append(label)
    if not labels:
        raise DataError(f"{path}: expected labels below the line {','.join(COLUMNS)}, found none.")
    keys = [(label.file, label.name) for label in labels]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"{path}: expected one value for {twice[1]} in {twice[0]}, got several.")
    return labels


def refuse_unknown_names(labels: Sequence[Label], names: Sequence[str]) -> None:
    """Check that labels name expressions of the face model.

    Raises:
        DataError: If one does not.
    """
    unknown = sorted({label.name for label in labels} - set(names))
    if unknown:
        raise DataError(
            f"labels: expected names of expressions such as {', '.join(names[:3])}, got {', '.join(unknown)}."
        )
