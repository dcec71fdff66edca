"""`monoface doctor`: what is told of an installation, and what is called broken."""

import numpy as np
import pytest

from monoface.cli.checks import doctor, self_test
from monoface.cli.checks.self_test import SelfTest, run_self_test
from monoface.cli.main import main
from monoface.core.errors import AssetError
from monoface.core.version import VERSION


def test_what_is_told_can_be_pasted(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    assert main(["doctor", "--no-self-test"]) == 0
    told = capsys.readouterr().out
    assert f"monoface     {VERSION}, Python" in told
    assert "cache        ~/cache\n" in told
    assert str(tmp_path) not in told
    assert "as they were shipped" in told
    assert "self-test" not in told
    assert told.endswith("all fine\n")


def test_a_damaged_file_is_broken(capsys, monkeypatch):
    def damaged(name):
        raise AssetError(f"{name}: damaged")

    monkeypatch.setattr(doctor, "asset_path", damaged)
    assert main(["doctor", "--no-self-test"]) == 1
    told = capsys.readouterr().out
    assert "monoface.safetensors: damaged" in told
    assert told.endswith("broken: files\n")


def test_a_cache_that_cannot_be_written_is_broken(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert main(["doctor", "--no-self-test"]) == 1
    assert capsys.readouterr().out.endswith("broken: cache\n")


def test_a_missing_package_is_broken_and_a_missing_extra_is_not(capsys, monkeypatch):
    version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name == "uvicorn" else version(name))
    assert main(["doctor", "--no-self-test"]) == 0
    assert "uvicorn (missing)" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name == "numba" else version(name))
    assert main(["doctor", "--no-self-test"]) == 1
    assert capsys.readouterr().out.endswith("broken: needed\n")


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_the_self_test_decides(passed, code, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "run_self_test", lambda: SelfTest(passed, "told", 1.25))
    assert main(["doctor"]) == code
    assert "told, in 1.2 s" in capsys.readouterr().out


def test_a_head_is_found_where_it_was_drawn_and_nobody_where_nothing_was(monkeypatch):
    assert run_self_test().passed
    drawn = self_test.draw_mean_head
    monkeypatch.setattr(self_test, "draw_mean_head", lambda model: np.roll(drawn(model), 30, axis=1))
    assert not run_self_test().passed
    monkeypatch.setattr(self_test, "draw_mean_head", lambda model: np.full((512, 512, 3), 99, np.uint8))
    assert run_self_test().told == "expected the drawn head, found 0 faces"
