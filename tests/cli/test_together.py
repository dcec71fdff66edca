"""Exit codes, lines and files of `monoface together`."""

import json

import numpy as np
import pytest

from monoface.cli.main import main
from monoface.pipeline.multi_photo.identity_similarity import IdentityLikeness


@pytest.fixture
def photos(sample, tmp_path):
    """One photo, and a smaller cut-out of it."""
    sample.crop((100, 0, 356, 256)).save(tmp_path / "together.png")
    sample.crop((120, 10, 330, 220)).resize((150, 150)).save(tmp_path / "me.png")
    return [tmp_path / "together.png", tmp_path / "me.png"]


def test_strangers_are_told_of_and_no_error(run_cli, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(IdentityLikeness, "__call__", lambda self, faces: np.eye(len(faces)))
    assert run_cli("together", *photos, "--out", tmp_path / "out") == 0
    lines = capsys.readouterr().out.splitlines()
    assert all("may show another person than the other photos (likeness 0.00)" in line for line in lines)
    assert len(json.loads((tmp_path / "out" / "together.json").read_text())["warnings"]) == 2


def test_files_lines_and_exit_codes(run_cli, photos, noise, tmp_path, capsys):
    out = tmp_path / "out"
    assert run_cli("together", *photos, "--out", out, "--formats", "glb,ply") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["ok", "ok"]
    names = {"together.glb", "together.ply", "together.json", "together-2.overlay.png", "me.overlay.png"}
    assert {path.name for path in out.iterdir()} == names
    report = json.loads((out / "together.json").read_text())
    assert (report["reason"], report["warnings"]) == ("2 of 2 photos used", [])

    before = (out / "together.json").read_bytes()
    assert main(["together", *map(str, photos), "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (out / "together.json").read_bytes() == before

    noise.save(tmp_path / "noise.png")
    again = ["together", tmp_path / "noise.png", *photos, "--out", out, "--overwrite"]
    assert run_cli(*again) == 3
    assert not (out / "noise.overlay.png").exists()
    assert run_cli("together", tmp_path / "noise.png", "--out", out, "--overwrite") == 4
    assert not (out / "together.glb").exists()
    assert json.loads((out / "together.json").read_text())["status"] == "nothing_usable"


def test_resuming_keeps_what_is_whole_and_of_the_same(run_cli, photos, sample, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    words = ["together", *photos, "--out", out]
    assert run_cli(*words, "--resume") == 0
    capsys.readouterr()
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}

    def unasked(*_):
        raise AssertionError("nothing is to be done")

    with monkeypatch.context() as patched:
        patched.setattr("monoface.cli.together.reconstruct_together", unasked)
        assert run_cli(*words, "--resume") == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == ["ok", "ok"]
        assert all("finished before" in line for line in lines)
        # The same files from another photo, and other files, are something else.
        sample.crop((90, 0, 346, 256)).save(photos[0])
        assert run_cli(*words, "--resume") == 2
        assert "is of another photo or other options" in capsys.readouterr().err
        assert run_cli(*words) == 2
        assert "--overwrite to replace it, or --resume to skip what is finished" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in before} == before

    (out / "together.glb").unlink()
    assert run_cli(*words, "--resume") == 0
    assert (out / "together.glb").stat().st_size > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "{tmp}/out"], "expected photos"),
        (["me.png", "--out", "{tmp}/out", "--formats", "fbx"], "expected glb, vrm, usdz, obj, ply"),
        (["me.png", "--out", "{tmp}/out", "--weights", "nobody"], "no weights of that name"),
    ],
)
def test_usage_errors_are_2(words, message, tmp_path, capsys):
    assert main(["together", *(word.format(tmp=tmp_path) for word in words)]) == 2
    assert message in capsys.readouterr().err
