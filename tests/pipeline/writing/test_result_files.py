"""What a report lists is its photo's: that is replaced, and nothing else; names are claimed first."""

import json
import os
import subprocess
import sys
import threading

import pytest

from monoface.core.errors import OutputExistsError
from monoface.core.file_sets import staged_in
from monoface.pipeline.writing.result_files import Origin, ResultFiles

ORIGIN = Origin("digest", {"formats": ["glb"]}, {"monoface": "1"})


def results(folder, stem="a", origin=ORIGIN):
    return ResultFiles(folder / f"{stem}.json", "toy", origin)


def write(folder, stem="a", files=("face0.glb", "overlay.png"), existing="keep", origin=ORIGIN, text="new"):
    with staged_in(folder) as stage:
        for name in files:
            (stage / f"{stem}.{name}").write_text(text)
        report = {"format": "toy", "status": "ok", "made_with": dict(origin.made_with), **origin.as_report()}
        results(folder, stem, origin).publish(stage, report, existing)


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_the_report_lists_the_other_files_with_their_sizes(tmp_path):
    write(tmp_path)
    assert names(tmp_path) == {"a.json", "a.face0.glb", "a.overlay.png"}
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["files"] == {"a.face0.glb": 3, "a.overlay.png": 3}
    assert (report["status"], report["photo_sha256"]) == ("ok", "digest")


def test_what_exists_stays(tmp_path):
    write(tmp_path, text="old")
    with pytest.raises(OutputExistsError, match=r"a\.json exists; use --overwrite"):
        write(tmp_path)
    assert (tmp_path / "a.face0.glb").read_text() == "old"
    assert names(tmp_path) == {"a.json", "a.face0.glb", "a.overlay.png"}


def test_overwriting_removes_what_the_report_lists_and_nothing_else(tmp_path):
    write(tmp_path, files=("face0.glb", "face1.glb", "face2.ply"))
    write(tmp_path, stem="a.face1", text="another's")
    (tmp_path / "a.face2.glb").write_text("the user's own")
    before = {path.name: path.read_text() for path in tmp_path.glob("a.face1.*")}
    del before["a.face1.glb"]
    write(tmp_path, files=("face0.glb",), existing="overwrite")
    assert names(tmp_path) == {"a.json", "a.face0.glb", "a.face2.glb", *before}
    assert {name: (tmp_path / name).read_text() for name in before} == before


@pytest.mark.parametrize("existing", ["keep", "resume", "overwrite"])
def test_a_file_that_no_report_lists_is_never_replaced(tmp_path, existing):
    (tmp_path / "a.face0.glb").write_text("the user's own")
    with pytest.raises(OutputExistsError, match=r"a\.face0\.glb exists"):
        write(tmp_path, existing=existing)
    assert names(tmp_path) == {"a.face0.glb"}
    assert (tmp_path / "a.face0.glb").read_text() == "the user's own"


@pytest.mark.parametrize("content", ["{}", "no JSON", '{"format": "other", "files": {}}', "[" * 10**5])
def test_what_is_no_such_report_is_never_replaced(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(OutputExistsError, match="no report of such a result"):
        write(tmp_path, existing="overwrite")
    assert (tmp_path / "a.json").read_text() == content


def test_a_report_with_paths_removes_no_file_elsewhere(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "precious").touch()
    listed = {"../precious": 0, "..": 0, ".": 0, "": 0, str(tmp_path / "precious"): 0}
    (tmp_path / "out" / "a.json").write_text(json.dumps({"format": "toy", "files": listed}))
    write(tmp_path / "out", existing="overwrite")
    assert (tmp_path / "precious").exists()


def test_finished_is_what_is_whole_and_made_from_the_same(tmp_path):
    assert results(tmp_path).finished() is None
    write(tmp_path)
    assert results(tmp_path).finished()["status"] == "ok"
    others = (
        Origin("other", ORIGIN.options, ORIGIN.made_with),
        Origin("digest", {"formats": ["obj"]}, ORIGIN.made_with),
        Origin("digest", ORIGIN.options, {"monoface": "2"}),
    )
    for origin in others:
        assert results(tmp_path, origin=origin).finished() is None
        with pytest.raises(OutputExistsError, match="another photo or other options"):
            write(tmp_path, existing="resume", origin=origin)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("h")])
def test_what_is_not_whole_is_made_anew(tmp_path, damage):
    write(tmp_path, text="old")
    damage(tmp_path / "a.face0.glb")
    assert results(tmp_path).finished() is None
    write(tmp_path, existing="resume")
    assert results(tmp_path).finished() is not None
    assert (tmp_path / "a.overlay.png").read_text() == "new"


def test_a_photo_that_could_not_be_read_is_tried_again(tmp_path):
    unread = Origin(None, ORIGIN.options, ORIGIN.made_with)
    write(tmp_path, files=(), origin=unread)
    assert results(tmp_path, origin=unread).finished() is None
    write(tmp_path, existing="resume")
    assert results(tmp_path).finished() is not None


@pytest.mark.parametrize("fails_at", range(5))
def test_all_is_as_it_was_if_something_cannot_be_moved(tmp_path, monkeypatch, fails_at):
    write(tmp_path, files=("face0.glb", "face1.glb"), text="old")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    moves = [0]

    def failing(original):
        def move(source, target):
            if os.path.dirname(target) == str(tmp_path):
                moves[0] += 1
                if moves[0] == fails_at + 1:
                    raise OSError(28, "No space left on device")
            original(source, target)

        return move

    for name in ("replace", "link"):
        monkeypatch.setattr(f"monoface.core.files.os.{name}", failing(getattr(os, name)))
    new = ("face0.glb", "overlay.png", "face0.ply")
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, files=new, existing="overwrite")
    monkeypatch.undo()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_killed_process_leaves_a_report_that_says_so(tmp_path):
    code = """
import os, sys
from pathlib import Path
from test_result_files import write
import monoface.core.file_sets as sets
move = sets.Moves.add
def dying(self, source, target):
    if target.name == "a.overlay.png":
        os._exit(9)
    move(self, source, target)
sets.Moves.add = dying
write(Path(sys.argv[1]))
"""
    folder = os.path.dirname(__file__)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((folder, *sys.path))}
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=False)
    assert ran.returncode == 9
    assert json.loads((tmp_path / "a.json").read_text())["status"] == "writing"
    assert results(tmp_path).finished() is None
    with pytest.raises(OutputExistsError):
        write(tmp_path)
    write(tmp_path, existing="resume")
    assert results(tmp_path).finished() is not None


def test_of_many_that_write_one_result_at_once_one_gets_all_names(tmp_path):
    ready = threading.Barrier(6)
    failed = []

    def begin(number):
        # Each has a file of its own, too, so that a mixture would show.
        ready.wait()
        try:
            write(tmp_path, files=(f"face{number}.glb", "overlay.png"), text=str(number))
        except OutputExistsError:
            failed.append(number)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = set(range(6)) - set(failed)
    assert names(tmp_path) == {"a.json", f"a.face{winner}.glb", "a.overlay.png"}
    assert (tmp_path / "a.overlay.png").read_text() == str(winner)
