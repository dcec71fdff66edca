"""Long commands say something at least every ten seconds, whatever they do meanwhile."""

import time

import numpy as np
import pytest

from monoface.cli.console import live
from monoface.cli.console.live import showing_progress
from monoface.cli.facemodel import calibrate
from monoface.cli.main import COMMANDS, main
from monoface.evaluation import registry
from monoface.evaluation.reconstructed import ReconstructedFaces
from monoface.evaluation.registry import Benchmark

# What takes ten seconds in truth takes less here.
_EVERY_S = 0.2
_LONGEST_S = live._PLAIN_EVERY_S


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(live, "_PLAIN_EVERY_S", _EVERY_S)


def test_a_benchmark_that_says_nothing_is_spoken_for(monkeypatch, tmp_path, capsys):
    toy = Benchmark("toy_benchmark", "score numbers")
    config_type, measure = toy.load()

    def slow(config):
        time.sleep(5 * _EVERY_S)
        return measure(config)

    monkeypatch.setattr(registry, "BENCHMARKS", {"heads": toy})
    monkeypatch.setattr(Benchmark, "load", lambda self: (config_type, slow))
    assert main(["evaluate", "heads", "--out", str(tmp_path / "report.json")]) == 0
    written = capsys.readouterr().out.splitlines()
    told = [line for line in written if line.startswith("evaluating heads · ")]
    assert len(told) >= 3
    assert written.index(told[-1]) < written.index("toy numbers")
    assert written[-1].startswith("written: ")


def test_faces_that_benchmarks_look_at_are_counted(capsys):
    faces = ReconstructedFaces("pretrain", as_reconstruct=False)
    with showing_progress("evaluating"):
        for _ in range(2):
            faces.largest(np.zeros((64, 48, 3), np.uint8))
        time.sleep(3 * _EVERY_S)
    assert "reconstructing faces 2 photos" in capsys.readouterr().out


def test_commands_of_the_face_model_are_spoken_for(monkeypatch, face_model, tmp_path, capsys):
    def slow(data, config, report):
        report("aflw21: 1.00 % remain, on 12 photos")
        time.sleep(5 * _EVERY_S)
        return data

    monkeypatch.setattr(calibrate, "calibrate_default_sets", slow)
    out = tmp_path / "face.safetensors"
    assert main(["facemodel", "calibrate", "--data", str(tmp_path), "--out", str(out)]) == 0
    written = capsys.readouterr().out.splitlines()
    # On a busy machine the preparation takes long enough to be spoken of first.
    assert "aflw21: 1.00 % remain, on 12 photos" in written
    assert sum(line.startswith("finding landmark sets · ") for line in written) >= 3
    assert written[-1] == f"written: {out}"


def test_the_longest_silence_is_below_ten_seconds():
    # It is looked twice a second whether a line is due.
    assert _LONGEST_S + 0.5 < 10


def test_every_long_command_is_one_of_these():
    """A new command that shows no progress has to be thought about here."""
    families = {command.words[0] for command in COMMANDS}
    long = {"reconstruct", "together", "evaluate", "data", "train", "facemodel", "benchmark", "video"}
    # These say at once what they wrote, or where they listen.
    assert families == long | {"view", "serve", "export", "live", "doctor", "licences"}
