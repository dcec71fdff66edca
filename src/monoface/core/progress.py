"""How far long work is: whoever does it announces it, and whoever listens shows it.

It works as logging does, so that the functions in between need not pass anything on: work announces, a
program that wants to show it listens, and where nobody listens nothing happens.

    for photo in track(photos, "finding faces"):
        ...

    with listening(listener):
        make_packs(...)
"""

from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Progress:
    """How far a stage of some work is.

    Attributes:
        stage: What is being done, such as "finding faces".
        done: How much of it is done, in `unit`.
        total: How much there is to do; None where that is not known.
        unit: What is counted, in the plural.
        values: What is measured meanwhile, by name.
        left_s: Time that is left, where it is known better than from the rate so far.
    """

    stage: str
    done: int = 0
    total: int | None = None
    unit: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    left_s: float | None = None


class Listener(Protocol):
    """Shows what is announced."""

    def announced(self, progress: Progress) -> None:
        """A stage began, or went on."""

    def said(self, line: str) -> None:
        """Something is to be told for good."""


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let a listener hear what is announced in the body, in this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def announce(progress: Progress) -> None:
    """Tell the listener, if there is one, how far a stage is."""
    listener = _listener.get()
    if listener is not None:
        listener.announced(progress)


def say(line: str) -> None:
    """Tell the listener, if there is one, a line that is to stay."""
    listener = _listener.get()
    if listener is not None:
        listener.said(line)


def track(items: Iterable[Item], stage: str, unit: str = "", total: int | None = None) -> Iterator[Item]:
    """Yield items, and announce how many of them are done.

    Args:
        items: What is worked through.
        stage: What is done with them.
        unit: What they are, in the plural.
        total: How many they are; by default their length, if they have one.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    announce(Progress(stage, 0, total, unit))
    for done, item in enumerate(items, start=1):
        yield item
        announce(Progress(stage, done, total, unit))


def track_batches(count: int, batch: int, stage: str, unit: str = "") -> Iterator[int]:
    """Yield where consecutive batches begin, as `range(0, count, batch)`, and announce how much is done."""
    announce(Progress(stage, 0, count, unit))
    for start in range(0, count, batch):
        yield start
        announce(Progress(stage, min(start + batch, count), count, unit))
