"""What a page consists of, before it is HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monoface.metrics import Interval


@dataclass(frozen=True)
class Stat:
    """A figure to be read first.

    Attributes:
        label: What it is.
        value: The figure, with its unit.
        note: For instance its interval.
    """

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text; the first column names the row, the others are aligned as numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Facts:
    """Names and what stands behind them, such as a definition or hashes."""

    facts: Mapping[str, str]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing, and the sentence that says what it shows."""

    svg: str
    caption: str


@dataclass(frozen=True)
class Picture:
    """A picture as the bytes of its file, with what is written below it."""

    encoded: bytes
    caption: str
    media_type: str = "image/webp"


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side."""

    pictures: Sequence[Picture]
    caption: str = ""


Block = Table | Facts | Text | Chart | Gallery


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A report, ready to be written.

    Attributes:
        title: Name of the benchmark.
        subtitle: What was scored.
        stats: The figures to be read first.
        warnings: What to know before the figures are believed.
        sections: The rest, in order.
    """

    title: str
    subtitle: str
    stats: Sequence[Stat]
    sections: Sequence[Section]
    warnings: Sequence[str] = field(default_factory=tuple)


def figure(value: float | None, digits: int = 2, unit: str = "") -> str:
    """A number as text; a dash where there is none."""
    if value is None or value != value:
        return "-"
    return f"{value:.{digits}f}{unit}"


def interval_text(interval: Interval, digits: int = 2) -> str:
    """Both ends of an interval as text."""
    return f"{figure(interval.low, digits)} to {figure(interval.high, digits)}"
