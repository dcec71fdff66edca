"""Exit codes, lines and files of `monoface reconstruct`."""

import json

import pytest

from monoface.cli.main import main


@pytest.fixture
def photo(sample, tmp_path):
    path = tmp_path / "me.png"
    sample.crop((100, 0, 356, 256)).save(path)
    return path


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_all_fine_is_0(run_cli, photo, tmp_path, capsys):
    assert run_cli("reconstruct", photo, "--out", tmp_path / "out", "--formats", "glb,obj,ply") == 0
    assert capsys.readouterr().out.split() == ["ok", str(photo), "1", "face"]
    assert set(_files(tmp_path / "out")) == {
        "me.json",
        "me.overlay.png",
        "me.face0.glb",
        "me.face0.obj",
        "me.face0.mtl",
        "me.face0.skin.png",
        "me.face0.mouth.png",
        "me.face0.lashes.png",
        "me.face0.ply",
    }


def test_the_same_photo_gives_the_same_bytes(run_cli, photo, tmp_path):
    for name in ("first", "second"):
        run_cli("reconstruct", photo, "--out", tmp_path / name)
    assert _files(tmp_path / "first") == _files(tmp_path / "second")


def test_results_do_not_depend_on_the_workers(run_cli, sample, noise, tmp_path, capsys):
    photos = [tmp_path / f"p{number}.jpg" for number in range(5)]
    for number, path in enumerate(photos):
        (noise if number == 3 else sample.crop((90 + 4 * number, 0, 366, 276))).save(path)
    told = []
    for workers in (1, 4):
        out = tmp_path / str(workers)
        assert run_cli("reconstruct", *photos, "--out", out, "--formats", "json", "--workers", workers) == 3
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert set(_files(tmp_path / "1")) == {f"p{number}.json" for number in range(5)}
    assert _files(tmp_path / "1") == _files(tmp_path / "4")


def test_nothing_usable_is_4(run_cli, noise, tmp_path, capsys):
    noise.save(tmp_path / "noise.png")
    assert run_cli("reconstruct", tmp_path / "noise.png", "nowhere.jpg", "--out", tmp_path / "out") == 4
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["no_face", "unreadable"]
    assert set(_files(tmp_path / "out")) == {"noise.json", "nowhere.json"}


def test_existing_results_are_kept(run_cli, photo, noise, tmp_path, capsys):
    out = tmp_path / "out"
    run_cli("reconstruct", photo, "--out", out)
    before = _files(out)
    capsys.readouterr()
    noise.save(tmp_path / "noise.png")
    assert run_cli("reconstruct", photo, tmp_path / "noise.png", "--out", out) == 4
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "failed"
    assert "--overwrite" in lines[0]
    assert lines[1].split()[0] == "no_face"
    assert {name: data for name, data in _files(out).items() if name.startswith("me")} == before


def test_overwriting_replaces_all_of_a_photo(run_cli, photo, noise, tmp_path):
    out = tmp_path / "out"
    run_cli("reconstruct", photo, "--out", out, "--formats", "glb,obj")
    (out / "me-not-mine.txt").write_text("kept")
    noise.save(photo)
    assert run_cli("reconstruct", photo, "--out", out, "--overwrite") == 4
    assert set(_files(out)) == {"me.json", "me-not-mine.txt"}
    assert json.loads((out / "me.json").read_text())["status"] == "no_face"


def test_low_confidence_gets_no_3d_files(run_cli, photo, tmp_path, capsys):
    assert run_cli("reconstruct", photo, "--out", tmp_path / "out", "--min-confidence", 1) == 4
    assert capsys.readouterr().out.split()[0] == "low_confidence"
    assert set(_files(tmp_path / "out")) == {"me.json", "me.overlay.png"}
    assert len(json.loads((tmp_path / "out" / "me.json").read_text())["doubtful_faces"]) == 1


def test_strange_names_print_in_one_line(run_cli, sample, tmp_path, capsys):
    path = tmp_path / "a\nb [bold] \udcff.png"
    assert run_cli("reconstruct", path, "--out", tmp_path / "out") == 4
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert "a\\nb [bold] \\udcff.png" in lines[0]


def test_a_folder_that_cannot_be_written_fails_the_photo(run_cli, photo, tmp_path, capsys, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("monoface.core.files.os.replace", full)
    assert run_cli("reconstruct", photo, "--out", tmp_path / "out") == 4
    assert "No space left on device" in capsys.readouterr().out
    assert _files(tmp_path / "out") == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "{tmp}/out"], "expected a photo"),
        (["me.png"], "--out"),
        (["me.png", "--out", "{tmp}/out", "--formats", "fbx"], "expected glb, vrm, usdz, obj, ply"),
        (["me.png", "--out", "{tmp}/out", "--formats", ""], "got none"),
        (["me.png", "--out", "{tmp}/out", "--weights", "nobody"], "no weights of that name"),
        (["me.png", "--out", "{tmp}/out", "--texture-size", "100"], "multiple of 16"),
        (["me.png", "--out", "{tmp}/out", "--device", "tpu"], "tpu"),
        (["me.png", "--out", "{tmp}/file"], "cannot be made"),
        (["me.png", "--out", "{tmp}/out", "--no-such-option"], "no-such-option"),
    ],
)
def test_usage_errors_are_2(words, message, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["reconstruct", *(word.format(tmp=tmp_path) for word in words)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_a_field_of_view_gives_a_perspective_camera(run_cli, photo, tmp_path, capsys):
    assert run_cli("reconstruct", photo, "--out", tmp_path / "out", "--field-of-view", "30") == 0
    camera = json.loads((tmp_path / "out" / "me.json").read_text())["faces"][0]["camera"]
    assert camera["type"] == "perspective"
    assert camera["principal_px"] == [128.0, 128.0]
    capsys.readouterr()
    assert run_cli("reconstruct", photo, "--out", tmp_path / "exif", "--focal", "exif") == 0
    assert "EXIF tells no focal length" in capsys.readouterr().out
    assert run_cli("reconstruct", photo, "--out", tmp_path / "none", "--field-of-view", "180") == 2
    assert "expected 1 to 140 degrees" in capsys.readouterr().err
