"""`monoface video`: files of a clip appear together, stay, go on, and touch nobody else's."""

import json

import numpy as np
import pytest
from PIL import Image

from monoface.cli.main import main


@pytest.fixture(scope="module")
def clip(repository, tmp_path_factory):
    """A folder of seven pictures of one head."""
    folder = tmp_path_factory.mktemp("clips") / "talk"
    folder.mkdir()
    photo = np.asarray(Image.open(repository / "examples/astronaut.png").convert("RGB").resize((256, 256)))
    rng = np.random.default_rng(3)
    for number in range(7):
        noisy = (photo + rng.normal(0, 2, photo.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"frame{number}.png")
    return folder


@pytest.fixture(scope="module")
def made(clip, tmp_path_factory):
    """Results of it, once."""
    out = tmp_path_factory.mktemp("out")
    assert run(clip, out) == 0
    return out


def run(clip, out, *options):
    return main(["video", str(clip), "--out", str(out), "--formats", "csv,jsonl", *options])


def copied(made, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for path in made.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    return out


def test_the_report_lists_what_lies_beside_it(made):
    report = json.loads((made / "talk.video.json").read_text(encoding="utf-8"))
    assert report["status"] == "ok"
    assert report["frames"] == 7
    assert report["files"] == {path.name: path.stat().st_size for path in made.glob("talk.person1.*")}
    assert set(report["files"]) == {"talk.person1.csv", "talk.person1.jsonl"}
    assert "eyes.safetensors" in report["made_with"]["sha256"]
    lines = (made / "talk.person1.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(7))


def test_earlier_results_stay(clip, made, tmp_path, capsys):
    out = copied(made, tmp_path)
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert run(clip, out) == 4
    assert "use --overwrite to replace it, or --resume" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_resuming_keeps_what_is_whole_and_of_the_same(clip, made, tmp_path, capsys):
    out = copied(made, tmp_path)
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert run(clip, out, "--resume") == 0
    assert "finished before" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == times
    assert run(clip, out, "--resume", "--every", "2") == 4
    assert "other options" in capsys.readouterr().out
    (out / "talk.person1.csv").unlink()
    assert run(clip, out, "--resume") == 0
    assert (out / "talk.person1.csv").is_file()


def test_overwriting_touches_its_own_files_alone(clip, made, tmp_path):
    out = copied(made, tmp_path)
    (out / "talk.person2.csv").write_text("somebody else's")
    assert run(clip, out, "--overwrite", "--max-faces", "1") == 0
    assert (out / "talk.person2.csv").read_text() == "somebody else's"


def test_one_clip_that_cannot_be_read_fails_alone(clip, tmp_path, capsys):
    pytest.importorskip("av")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    code = main(["video", str(broken), str(clip), "--out", str(tmp_path / "out"), "--formats", "csv"])
    assert code == 3
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("failed")
    assert second.startswith("ok")
