"""Under which terms the code and each shipped file stand, and whether these allow commercial use."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monoface.core.assets import ASSET_FOLDER, asset_names, asset_sha256

# Cards state terms in words. What does not begin with one of these is not taken for free, nor is what
# mentions a restriction anywhere.
_FREE = re.compile(r"(MIT\b|Apache-2\.0|Public domain|CC0|CC[ -]BY (?!-?N))", re.IGNORECASE)
_RESTRICTED = re.compile(r"non-?commercial|research|\bNC\b|BY-NC", re.IGNORECASE)
_UNKNOWN = "unknown: it is no file that this version of monoface ships"


@dataclass(frozen=True)
class Terms:
    """Terms of one part.

    Attributes:
        name: Of the part: `code`, or a file's name.
        terms: In words, as the part's card states them.
        data: What it was learned from; empty for code.
        commercial: Whether these words allow commercial use. False where they are not known.
    """

    name: str
    terms: str
    data: str
    commercial: bool


def installed_terms() -> tuple[Terms, ...]:
    """Terms of the code and of every file that is shipped with it."""
    return (_CODE, _PAGES, *map(_card_terms, _shipped()))


def used_terms(made_with: Mapping[str, Any]) -> tuple[Terms, ...]:
    """Terms of the code and of the files that made a result.

    Args:
        made_with: Of the result's report; `sha256` says which files.

    Returns:
        Files that this version ships are known by their hashes, whatever they are called. Terms of others are
        not known.

    Raises:
        KeyError: If it lists no hashes.
    """
    known = {asset_sha256(name): name for name in _shipped()}
    found = [
        _card_terms(known[digest]) if digest in known else Terms(str(name), _UNKNOWN, "", False)
        for name, digest in made_with["sha256"].items()
    ]
    return (_CODE, *found)


def allows_commercial_use(terms: str) -> bool:
    """Whether terms in words are those of a licence that allows commercial use, without a restriction."""
    return _FREE.match(terms.strip()) is not None and _RESTRICTED.search(terms) is None


def _shipped() -> Iterator[str]:
    return (name for name in asset_names() if not name.endswith(".json"))


def _card_terms(name: str) -> Terms:
    card = json.loads((ASSET_FOLDER / f"{name.partition('.')[0]}.card.json").read_text(encoding="utf-8"))
    data = card["data"]
    text = "; ".join(data) if isinstance(data, list) else str(data)
    return Terms(name, str(card["terms"]), text, allows_commercial_use(str(card["terms"])))


_CODE = Terms("code", "MIT. Copyright (c) 2026 The monoface authors", "", True)
_PAGES = Terms("viewer/bundle/page.html", "MIT, as the part of three.js in it", "", True)
