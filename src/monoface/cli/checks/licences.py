"""`monoface licences`: terms of what is installed, or of what made a result."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, Literal

import tyro

from monoface.core.errors import ConfigError
from monoface.core.json_text import parse_json
from monoface.core.names import one_line
from monoface.core.terms import Terms, installed_terms, used_terms

NOT_ALLOWED = 3
"""Exit code where something does not allow what is required."""

_MOST_BYTES = 2**28
_WIDTH = 100


@dataclass(frozen=True)
class LicencesArguments:
    """Print the terms of the code, the face model and each file of weights, and what they were learned from.

    With a report, those of what made this result alone. Terms are what the model cards state; this is no
    legal advice, and a photo has rights of its own. Exit code: 0 fine, 2 usage error, 3 something does not
    allow what --require asks for.
    """

    report: tyro.conf.Positional[Annotated[Path | None, tyro.conf.arg(metavar="RESULT.json")]] = None
    """Report of `reconstruct` or `together`; by default all that is installed."""
    require: Literal["any", "commercial"] = "any"
    """`commercial`: refuse what is not known to allow commercial use."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(LicencesArguments, prog="monoface licences", args=list(arguments))
    parts = installed_terms() if chosen.report is None else _of_report(chosen.report)
    for part in parts:
        print("\n".join(_lines(part)))
    if chosen.require == "any":
        return 0
    refused = [part.name for part in parts if not part.commercial]
    if refused:
        print(f"\nnot known to allow commercial use: {', '.join(map(one_line, refused))}")
        return NOT_ALLOWED
    print("\nall of it allows commercial use")
    return 0


def _of_report(path: Path) -> tuple[Terms, ...]:
    with path.open("rb") as file:
        text = file.read(_MOST_BYTES)
    try:
        report = parse_json(text)
        found: dict[Terms, None] = {}
        for made_with in _origins(report):
            found |= dict.fromkeys(used_terms(made_with))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: expected the report of a result ({error!r}).") from error
    if not found:
        raise ConfigError(f"{path}: expected a report that says what made it, found none.")
    return tuple(found)


def _origins(report: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What made a result, or each photo's part of one of several photos."""
    if "made_with" in report:
        yield report["made_with"]
    for photo in report.get("photos", ()):
        yield photo["made_with"]


def _lines(part: Terms) -> Iterator[str]:
    yield f"{one_line(part.name)}  [{'commercial use' if part.commercial else 'no commercial use'}]"
    for text in filter(None, (part.terms, part.data and f"from: {part.data}")):
        yield from wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
