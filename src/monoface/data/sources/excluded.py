"""People of several sources who take no part in anything: their likes are kept aside for other measures."""

from pathlib import Path

from monoface.core.errors import DataError
from monoface.core.json_text import parse_json

EXCLUDED_FILE = "exclude.json"
"""Beside the folders of the sources: by the name of a source's folder, numbers of people."""


def excluded_people(folder: Path) -> frozenset[int]:
    """People of a source who must be left out of labels, training and validation.

    Args:
        folder: Of the source; `exclude.json` is looked for beside it, under the folder's name.

    Returns:
        Numbers of people; none if there is no such file, or it does not name the source.

    Raises:
        DataError: If the file is there and cannot be read, or names people by anything but whole numbers.
    """
    path = folder.resolve().parent / EXCLUDED_FILE
    if not path.is_file():
        return frozenset()
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a JSON file, cannot read it ({error}).") from error
    people = content.get(folder.resolve().name, []) if isinstance(content, dict) else None
    if not isinstance(people, list) or not all(type(person) is int for person in people):
        raise DataError(f"{path}: expected lists of whole numbers by source, got something else.")
    return frozenset(people)
