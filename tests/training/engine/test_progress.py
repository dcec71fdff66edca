"""What the loop announces, by steps and by the clock."""

import pytest

from monoface.core.progress import listening
from monoface.training import TrainConfig
from monoface.training.engine.progress import TrainingProgress


class Recorder:
    def __init__(self):
        self.heard, self.lines = [], []

    def announced(self, progress):
        self.heard.append(progress)

    def said(self, line):
        self.lines.append(line)


@pytest.fixture
def recorder():
    recorder = Recorder()
    with listening(recorder):
        yield recorder


def test_a_run_by_steps_has_a_total_and_shows_its_latest_validation(recorder):
    progress = TrainingProgress(TrainConfig(steps=10))
    progress.resumed(3, 60.0)
    progress.advanced(4, 61.0, 0.5)
    progress.validated({"aflw": 5.0, "ytf": 4.0, "aflw2000": 3.0})
    progress.advanced(5, 62.0, 0.25)
    first, second = recorder.heard
    assert (first.done, first.total, first.values) == (4, 10, {"loss": 0.5})
    assert second.values == {"loss": 0.25, "validation aflw": 5.0, "validation ytf": 4.0}
    assert second.left_s is None
    assert recorder.lines == ["resuming from step 3 of 10"]


def test_a_run_by_the_clock_knows_what_is_left(recorder):
    progress = TrainingProgress(TrainConfig(minutes=2))
    progress.resumed(3, 66.0)
    progress.advanced(4, 90.0, 0.5)
    assert (recorder.heard[0].total, recorder.heard[0].left_s) == (None, 30.0)
    assert recorder.lines == ["resuming from step 3, after 1.1 of 2 minutes"]
