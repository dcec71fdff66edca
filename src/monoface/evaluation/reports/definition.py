"""The frame that all benchmarks share: a definition, findings of the pre-flight checks, a report, a page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Protocol

from monoface.core.errors import DataError
from monoface.evaluation.reports.page import Facts, Gallery, Page, Section
from monoface.pipeline import MadeWith

WORST: Final = "The worst"
"""Title of the pictures of the worst cases."""

Galleries = Mapping[str, Gallery]
"""Pictures by the title of their section."""


@dataclass(frozen=True)
class Definition:
    """What a figure means; it stands beside the figure on the screen, in the JSON file and on the page.

    Attributes:
        data: Which cases are scored.
        measure: What is measured in each.
        alignment: How prediction and truth are brought together first.
        normaliser: What is divided by, or the unit.
        means: Which means are taken.
        failures: What becomes of cases without a usable prediction.
        source: Where the protocol is published, and where we differ.
    """

    data: str
    measure: str
    alignment: str
    normaliser: str
    means: str
    failures: str
    source: str

    def as_facts(self) -> dict[str, str]:
        """Names and texts, in order; what does not apply is left out."""
        return {field.name: text for field in fields(self) if (text := getattr(self, field.name))}


@dataclass(frozen=True)
class Finding:
    """What a pre-flight check found.

    Attributes:
        check: Name of the known mistake.
        message: What was seen, what was expected, and what to do.
        refuse: Whether the figures would be meaningless, so that nothing is scored.
    """

    check: str
    message: str
    refuse: bool = False


def one_of_each(findings: Sequence[Finding]) -> list[Finding]:
    """The first finding of each check, and how often it was found: a folder has one mistake many times."""
    count = Counter(finding.check for finding in findings)
    first = {finding.check: finding for finding in reversed(findings)}
    return [
        replace(found, message=f"{found.message} (In {count[check]} cases.)") if count[check] > 1 else found
        for check, found in reversed(first.items())
    ]


def refuse_if_meaningless(findings: Sequence[Finding]) -> None:
    """Stop before anything is scored, if a check says so.

    Raises:
        DataError: If a finding refuses.
    """
    refused = [finding for finding in findings if finding.refuse]
    if refused:
        raise DataError(" ".join(f"{finding.check}: {finding.message}" for finding in refused))


class BenchmarkReport(Protocol):
    """What the report of every benchmark has. Each is a frozen dataclass, which becomes the JSON file."""

    @property
    def benchmark(self) -> str:
        """Name of the benchmark, with what is compared."""
        ...

    @property
    def definition(self) -> Definition:
        """What the figures mean."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """What the pre-flight checks found."""
        ...

    def page(self, galleries: Galleries | None = None) -> Page:
        """The report as a page.

        Args:
            galleries: Pictures; they are not part of the JSON file.
        """
        ...


def closing_sections(
    definition: Definition,
    made_with: MadeWith | None,
    versions: Mapping[str, str],
    galleries: Galleries | None,
) -> list[Section]:
    """What every page ends with: pictures, the definition, versions and hashes."""
    sections = [Section(title, [gallery]) for title, gallery in (galleries or {}).items() if gallery.pictures]
    sections.append(Section("Definition", [Facts(definition.as_facts())]))
    facts = dict(versions)
    if made_with is not None:
        facts = {
            "monoface": made_with.monoface,
            "weights": f"{made_with.weights} (method {made_with.method})",
            **facts,
            **{f"SHA-256 of {name}": digest for name, digest in made_with.sha256.items()},
        }
    sections.append(Section("Versions and hashes", [Facts(facts)]))
    return sections


def warnings_of(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Findings as the page shows them."""
    return tuple(f"{finding.check}: {finding.message}" for finding in findings)
