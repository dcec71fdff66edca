"""Batches: results come as they are ready, earlier ones stay, and an interrupted batch goes on."""

import hashlib
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor as Pool

import pytest

from monoface.cli.main import main
from monoface.cli.outputs import distinct_stems
from monoface.pipeline import Reconstructor, ReconstructorConfig
from monoface.pipeline.posed_face import MadeWith
from monoface.pipeline.results import PhotoResult

MADE_WITH = MadeWith("1", "toy", "toy", {})


class ToyReconstructor(Reconstructor):
    """Finds no face in any photo, which is fine, and fails where it is told to."""

    def __init__(self, config):
        self.config = config
        self.made_with = MADE_WITH
        self.seen = []
        self.interrupted_at = None
        self.out = None

    def reconstruct_many(self, photos):
        for number, photo in enumerate(photos):
            if number == self.interrupted_at:
                self._wait_for_files(number)
                raise KeyboardInterrupt
            self.seen.append(photo.name)
            status = "ok" if os.path.isfile(photo) else "unreadable"
            yield PhotoResult(status, "seen", str(photo), (), (), None, MADE_WITH)

    def _wait_for_files(self, count):
        """What is not begun to be written is dropped at an interrupt: these are to be written."""
        end = time.monotonic() + 20
        while self.out is not None and len(list(self.out.glob("*.json"))) < count:
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture
def toy(monkeypatch):
    reconstructor = ToyReconstructor(ReconstructorConfig())

    def reuse(config):
        reconstructor.config = config
        reconstructor.seen.clear()
        return reconstructor

    monkeypatch.setattr("monoface.cli.reconstruct.Reconstructor", reuse)
    return reconstructor


@pytest.fixture
def photos(tmp_path):
    for number in range(5):
        (tmp_path / f"p{number}.jpg").write_bytes(b"photo %d" % number)
    return sorted(tmp_path.glob("*.jpg"))


def run(photos, out, *options):
    return main(["reconstruct", *map(str, photos), "--out", str(out), *options])


def test_an_interrupted_batch_says_how_it_goes_on_and_does(toy, photos, tmp_path, capsys):
    out = toy.out = tmp_path / "out"
    toy.interrupted_at = 3
    assert run(photos, out) == 130
    captured = capsys.readouterr()
    assert captured.err == (
        "monoface: interrupted; 3 of 5 photos are done; the same command with --resume goes on\n"
    )
    assert len(captured.out.splitlines()) == 3
    assert {path.name for path in out.iterdir()} == {"p0.json", "p1.json", "p2.json"}
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}

    toy.interrupted_at = None
    assert run(photos, out, "--resume") == 0
    assert toy.seen == ["p3.jpg", "p4.jpg"]
    lines = capsys.readouterr().out.splitlines()
    assert sum("finished before" in line for line in lines) == 3
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_resuming_makes_anew_what_is_of_something_else_only_if_it_may_be_replaced(
    toy, photos, tmp_path, capsys
):
    out = tmp_path / "out"
    run(photos, out)
    photos[1].write_bytes(b"another photo")
    capsys.readouterr()
    assert run(photos, out, "--resume") == 3
    assert toy.seen == []
    assert "is of another photo or other options; use --overwrite" in capsys.readouterr().out
    assert run(photos, out, "--resume", "--overwrite") == 0
    assert toy.seen == ["p1.jpg"]
    assert run(photos, out, "--resume", "--overwrite", "--texture-size", "64") == 0
    assert len(toy.seen) == 5


def test_resuming_counts_photos_as_they_ended_and_reads_again_what_was_not_there(toy, photos, tmp_path):
    out, missing = tmp_path / "out", tmp_path / "later.jpg"
    assert run([*photos, missing], out) == 3
    missing.write_bytes(b"there now")
    assert run([*photos, missing], out, "--resume") == 0
    assert toy.seen == ["later.jpg"]


def test_without_options_what_exists_fails_and_the_line_says_both_ways(toy, photos, tmp_path, capsys):
    run(photos, tmp_path / "out")
    capsys.readouterr()
    assert run(photos, tmp_path / "out") == 4
    assert "use --overwrite to replace it, or --resume to skip" in capsys.readouterr().out
    assert toy.seen == []


def test_the_report_says_what_it_was_made_from_and_no_path_of_the_machine(toy, photos, tmp_path):
    weights = tmp_path / "my weights.safetensors"
    run(photos[:1], tmp_path / "out", "--weights", str(weights))
    text = (tmp_path / "out" / "p0.json").read_text()
    report = json.loads(text)
    assert report["options"]["formats"] == ["glb"]
    assert report["options"]["texture_size"] == ReconstructorConfig.texture_size
    assert report["photo_sha256"] == hashlib.sha256(b"photo 0").hexdigest()
    assert str(tmp_path) not in text


def test_strange_names_end_no_batch(toy, photos, tmp_path, capsys):
    names = [b"lat\xe9.jpg", b"a\nb.jpg", b"x" * 251 + b".jpg"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(name)
    strange = [str(tmp_path / os.fsdecode(name)) for name in names]
    assert run([*strange, "z" * 300 + ".jpg", *photos[:1]], tmp_path / "out") == 3
    assert len(capsys.readouterr().out.splitlines()) == 5
    stems = {path.stem for path in (tmp_path / "out").iterdir()}
    assert {"lat%E9", "a%0Ab", "p0"} < stems
    assert len(stems) == 5
    report = json.loads((tmp_path / "out" / "lat%E9.json").read_bytes())
    assert report["photo"]["name"].encode() == b"lat\\udce9.jpg"


def test_a_full_disk_fails_the_photos_that_do_not_fit(toy, photos, tmp_path, capsys, monkeypatch):
    original = os.link

    def full(source, target):
        if "p1." in str(target):
            raise OSError(28, "No space left on device")
        original(source, target)

    monkeypatch.setattr("monoface.core.files.os.link", full)
    assert run(photos, tmp_path / "out") == 3
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "failed", "ok", "ok", "ok"]
    assert "No space left on device" in lines[1]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "p0.json",
        "p2.json",
        "p3.json",
        "p4.json",
    }


def test_stems_are_distinct_after_they_were_made_plain(tmp_path):
    photos = [tmp_path / "a\nb.jpg", tmp_path / "a%0Ab.jpg"]
    assert distinct_stems(photos) == ["a%0Ab", "a%0Ab-2"]


def test_json_alone_writes_the_report_and_asks_for_nothing_else(toy, photos, tmp_path):
    out = tmp_path / "out"
    assert run(photos[:2], out, "--formats", "json") == 0
    assert {path.name for path in out.iterdir()} == {"p0.json", "p1.json"}
    assert json.loads((out / "p0.json").read_text())["options"]["formats"] == []
    assert run(photos[:2], out, "--formats", "json", "--resume") == 0
    assert toy.seen == []


def test_several_photos_end_with_how_fast_they_were(toy, photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert run([*photos, tmp_path / "missing.jpg"], out) == 3
    told = capsys.readouterr().err
    assert re.fullmatch(r"6 photos in \d+\.\d s, \d+\.\d photos/s\n", told)
    assert run([*photos, tmp_path / "missing.jpg"], out, "--resume") == 3
    assert not capsys.readouterr().err


def test_as_many_photos_are_worked_on_at_a_time_as_there_are_workers(toy, photos, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("monoface.cli.batch.ThreadPoolExecutor", lambda count: made.append(count) or Pool(2))
    assert run(photos, tmp_path / "out", "--workers", "5") == 0
    assert made == [toy.config.threads] == [5]
    assert run(photos, tmp_path / "out", "--workers", "0") == 2
