"""Announcements reach who listens, and nobody else."""

from monoface.core.progress import Progress, announce, listening, say, track, track_batches


class Recorder:
    def __init__(self):
        self.heard, self.lines = [], []

    def announced(self, progress):
        self.heard.append((progress.stage, progress.done, progress.total))

    def said(self, line):
        self.lines.append(line)


def test_items_are_counted_as_they_are_done():
    recorder = Recorder()
    with listening(recorder):
        for item in track(["a", "b"], "reading", "photos"):
            say(item)
    assert recorder.heard == [("reading", 0, 2), ("reading", 1, 2), ("reading", 2, 2)]
    assert recorder.lines == ["a", "b"]


def test_what_has_no_length_has_no_total_unless_one_is_given():
    recorder = Recorder()
    with listening(recorder):
        assert list(track(iter("ab"), "one")) == ["a", "b"]
        assert list(track(iter("ab"), "two", total=2)) == ["a", "b"]
    assert recorder.heard[-1] == ("two", 2, 2)
    assert recorder.heard[0] == ("one", 0, None)


def test_batches_begin_as_a_range_does_and_count_rows():
    recorder = Recorder()
    with listening(recorder):
        assert list(track_batches(7, 3, "fitting")) == list(range(0, 7, 3))
    assert [done for _, done, _ in recorder.heard] == [0, 3, 6, 7]


def test_nobody_needs_to_listen():
    announce(Progress("anything"))
    say("anything")
    outer, inner = Recorder(), Recorder()
    with listening(outer):
        with listening(inner):
            say("within")
        say("after")
    assert (outer.lines, inner.lines) == (["after"], ["within"])
