"""Comparing with other programs."""

import json
import time

import numpy as np
import pytest

from monoface.cli.comparison import comparing
from monoface.cli.comparison.peers import load_peers
from monoface.cli.main import main
from monoface.cli.speed import benchmark
from monoface.cli.speed.timing import time_in_turns
from monoface.core.errors import ConfigError
from monoface.pipeline import Reconstructor


class Slow:
    """Takes so many milliseconds; sees a face, or none."""

    def __init__(self, ms, found=True):
        self.ms, self.found, self.shapes = ms, found, []

    def __call__(self, image):
        self.shapes.append(image.shape)
        time.sleep(self.ms / 1000)
        return "a face" if self.found else None


class Result:
    def __init__(self, found):
        self.all_faces = (self,) if found else ()
        self.texture = None


class SlowReconstructor(Reconstructor):
    def __init__(self, config=None):
        self.look = Slow(20)

    def reconstruct(self, image):
        return Result(self.look(image) is not None)


PHOTO = np.zeros((48, 96, 3), np.uint8)


def test_all_take_turns():
    order = []
    runs = {name: lambda name=name: order.append(name) for name in "abc"}
    taken_ms = time_in_turns(runs, 3, warm_up=1)
    assert "".join(order) == "abc" * 4
    assert {name: len(times) for name, times in taken_ms.items()} == {"a": 3, "b": 3, "c": 3}


def test_times_are_those_of_a_photo_of_the_size_that_is_asked_for():
    peer = Slow(60)
    rows = comparing.compare_at(192, PHOTO, SlowReconstructor(), {"peer": peer}, 5)
    assert set(peer.shapes) == {(96, 192, 3)}
    geometry, _, of_peer = rows
    assert [row.program for row in rows] == [comparing.GEOMETRY, comparing.TEXTURED, "peer"]
    assert 20 <= geometry.p50_ms <= geometry.p95_ms
    assert of_peer.p50_ms >= 60
    assert of_peer.ratio == 1
    assert geometry.ratio < 1
    assert (geometry.side_px, geometry.runs) == (192, 5)


def test_who_sees_no_face_is_named():
    with pytest.raises(ConfigError, match="but peer sees none at 96 px"):
        comparing.compare_at(96, PHOTO, SlowReconstructor(), {"peer": Slow(0, found=False)}, 1)
    blind = SlowReconstructor()
    blind.look.found = False
    with pytest.raises(ConfigError, match="but monoface sees none at 96 px"):
        comparing.compare_at(96, PHOTO, blind, {"peer": Slow(0)}, 1)


def test_results_are_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "Reconstructor", SlowReconstructor)
    monkeypatch.setattr(benchmark, "load_peers", lambda names, task, threads: {"peer": Slow(1)})
    monkeypatch.setattr(benchmark, "render_mean_head", lambda width, height: PHOTO)
    words = ["--against", "landmarker", "--sides", "64", "128", "--runs", "2", "--threads", "1"]
    assert main(["benchmark", *words, "--json", str(tmp_path / "speed.json")]) == 0
    assert len([line for line in capsys.readouterr().out.splitlines() if " px  " in line]) == 6
    report = json.loads((tmp_path / "speed.json").read_text())
    assert (report["format"], report["photo"], report["threads"]) == (comparing.FORMAT, "mean head", 1)
    assert [row["side_px"] for row in report["rows"]] == 3 * [64] + 3 * [128]
    assert {row["runs"] for row in report["rows"]} == {2}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--against", "landmarker"], "expected --landmarker FILE, too"),
        (["--against", "landmarker", "--landmarker", "{tmp}/none.task"], "face_detector.tflite"),
        (["--json", "{tmp}/speed.json"], "expected --against, too"),
        (["--against", "landmarker", "--sides", "10"], "at least 64 pixels"),
    ],
)
def test_what_cannot_be_compared_is_refused(words, message, tmp_path, capsys):
    assert main(["benchmark", *(word.format(tmp=tmp_path) for word in words)]) == 2
    assert message in capsys.readouterr().err


def test_the_three_networks_see_a_face(data_dir, astronaut_array):
    pytest.importorskip("ai_edge_litert")
    task = data_dir / "teachers" / "face_landmarker.task"
    ((name, peer),) = load_peers(["landmarker"], task, 1).items()
    assert "three networks" in name
    nose = peer(astronaut_array).points_px[1]
    assert np.hypot(*(nose[:2] - (225, 129))) < 8
    assert peer(np.zeros((64, 80, 3), np.uint8)) is None


@pytest.fixture
def astronaut_array(sample):
    return np.asarray(sample)
