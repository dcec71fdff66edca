"""Files that belong together: all appear or none, also when the disk is full in the middle."""

import errno
import os
import threading
import time

import pytest

from monoface.core.errors import OutputExistsError
from monoface.core.file_sets import Moves, alone_in, staged_in, write_together


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def files(tmp_path):
    return {tmp_path / name: name.encode() for name in ("a.png", "a.mtl", "a.obj")}


def test_all_appear(files, tmp_path):
    write_together(files)
    assert contents(tmp_path) == {"a.png": b"a.png", "a.mtl": b"a.mtl", "a.obj": b"a.obj"}


def test_none_appears_if_one_exists(files, tmp_path):
    (tmp_path / "a.obj").write_bytes(b"theirs")
    with pytest.raises(OutputExistsError, match=r"a\.obj"):
        write_together(files)
    assert contents(tmp_path) == {"a.obj": b"theirs"}


def test_none_appears_if_one_cannot_be_written(files, tmp_path):
    def fill_the_disk(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_together({**files, tmp_path / "last": fill_the_disk})
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_all_is_as_it_was_if_one_cannot_be_moved(files, tmp_path, monkeypatch, overwrite, fails_at):
    before = {"a.mtl": b"old", "other": b"kept"} if overwrite else {"other": b"kept"}
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    moved = [0]
    name = "replace" if overwrite else "link"
    original = getattr(os, name)

    def move(source, target):
        if os.path.dirname(target) == str(tmp_path):
            moved[0] += 1
            if moved[0] == fails_at + 1:
                raise OSError(errno.ENOSPC, "No space left on device")
        original(source, target)

    monkeypatch.setattr(f"monoface.core.files.os.{name}", move)
    with pytest.raises(OSError, match="No space left"):
        write_together(files, overwrite=overwrite)
    assert contents(tmp_path) == before


def test_what_was_removed_comes_back(tmp_path):
    (tmp_path / "old").write_bytes(b"old")

    def remove_and_fail():
        with staged_in(tmp_path) as stage, Moves(stage) as moves:
            moves.remove(tmp_path / "old")
            moves.remove(tmp_path / "none")
            assert not (tmp_path / "old").exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        remove_and_fail()
    assert contents(tmp_path) == {"old": b"old"}


def test_a_staging_folder_goes_with_all_that_is_in_it(tmp_path):
    with staged_in(tmp_path / "new") as stage:
        (stage / "left").touch()
        assert stage.name.startswith(".monoface-")
    assert contents(tmp_path / "new") == {}


def test_nobody_else_is_in_a_folder(tmp_path):
    inside = []

    def enter(name):
        with alone_in(tmp_path):
            inside.append(f"{name} in")
            time.sleep(0.05)
            inside.append(f"{name} out")

    threads = [threading.Thread(target=enter, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [name[0] for name in inside[::2]] == [name[0] for name in inside[1::2]]
    assert contents(tmp_path) == {}
