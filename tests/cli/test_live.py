"""What is shown of long work, on a terminal and elsewhere."""

import io
import time

import pytest
from rich.console import Console

from monoface.cli.console.live import LiveProgress, duration, progress_line
from monoface.core.progress import Progress, announce, listening, say


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200, force_terminal=False)


@pytest.mark.parametrize(
    ("progress", "rate", "expected"),
    [
        (Progress("loading"), None, "loading · 5 s so far"),
        (Progress("reading", 3, 9, "photos"), 2.0, "reading 3/9 photos · 2 photos/s · 3 s left"),
        (Progress("drawing", 1, 3, "heads"), 0.25, "drawing 1/3 heads · 4 s each · 8 s left"),
        (
            Progress("training", 20, 100, "steps", {"loss": 0.51234, "validation aflw": 4.5}),
            4.0,
            "training 20/100 steps · 4 steps/s · loss 0.5123 · validation aflw 4.5 · 20 s left",
        ),
        (
            Progress("training", 20, None, "steps", left_s=90.0),
            4.0,
            "training 20 steps · 4 steps/s · 1 min 30 s left",
        ),
    ],
)
def test_a_line_says_what_how_fast_and_how_long_yet(progress, rate, expected):
    assert progress_line(progress, 5.0, rate) == expected


@pytest.mark.parametrize(("seconds", "text"), [(59.4, "59 s"), (61, "1 min 01 s"), (7500, "2 h 05 min")])
def test_times_are_written_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_without_a_terminal_a_stage_is_written_when_it_begins_and_while_it_is_silent(console):
    progress = LiveProgress(console, "starting", every_s=0.05)
    with progress, listening(progress):
        announce(Progress("reading", 0, 10, "photos"))
        time.sleep(0.3)
        say("a line")
    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("reading 0/10 photos")
    assert len([line for line in lines if line.startswith("reading")]) >= 3
    assert lines[-1] == "a line"


def test_without_a_terminal_many_steps_are_few_lines(console):
    progress = LiveProgress(console, "starting", every_s=100)
    with progress, listening(progress):
        for step in range(1000):
            announce(Progress("training", step, 1000, "steps"))
            announce(Progress("validating", 0, 5, "photos"))
    assert len(console.file.getvalue().splitlines()) == 2


def test_a_second_round_of_a_stage_counts_anew(console):
    progress = LiveProgress(console, "starting", every_s=100)
    with progress:
        progress.announced(Progress("training", 50, 50, "steps"))
        progress.announced(Progress("training", 1, 50, "steps"))
        assert "/s" not in progress.line()
        assert progress.line().startswith("training 1/50 steps")


def test_on_a_terminal_lines_stay_and_progress_goes():
    terminal = Console(file=io.StringIO(), width=80, force_terminal=True, legacy_windows=False)
    progress = LiveProgress(terminal, "starting")
    with progress, listening(progress):
        announce(Progress("reading [of] photos", 1, 2))
        say("kept [as] it is")
        time.sleep(0.4)
    written = terminal.file.getvalue()
    assert "reading [of] photos 1/2" in written
    assert "kept [as] it is" in written
