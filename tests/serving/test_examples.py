"""The examples of the documentation, against a running server."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from served_photos import png

pytest.importorskip("uvicorn", reason="the extra serve is not installed")


def blocks(repository, language, address):
    """Code of the page about the server, with this server's address in it."""
    page = (repository / "docs" / "serve.md").read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [block.replace("http://127.0.0.1:8000", address.rstrip("/")) for block in found]


def test_the_example_in_python_saves_every_file(repository, address, tmp_path, monkeypatch):
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "astronaut.png").write_bytes(png(40, 30))
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(repository, "python", address)
    exec(compile(code, "serve.md", "exec"), {})
    assert json.loads((tmp_path / "photo-0.json").read_text()) == {"size": "40 x 30"}
    assert (tmp_path / "photo-0.html").read_text() == "<p>page</p>"


@pytest.mark.skipif(shutil.which("curl") is None, reason="NO EXAMPLE OF CURL WAS RUN: it is missing")
def test_the_examples_with_curl_are_answered(repository, address, tmp_path):
    (tmp_path / "examples").mkdir()
    for name in ("examples/astronaut.png", "one.jpg", "other.jpg"):
        (tmp_path / name).write_bytes(png(40, 30))
    (block,) = blocks(repository, "bash", address)
    answers = []
    for line in block.splitlines():
        run = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, timeout=60, check=True)
        answers.append(json.loads(run.stdout))
    assert [(one["state"], one["mode"], len(one["photos"])) for one in answers] == [
        ("done", "each", 1),
        ("done", "together", 2),
    ]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="memory is read from /proc")
def test_hostile_requests_among_good_ones_break_nothing(repository):
    program = repository / "benchmarks" / "serve_requests.py"
    words = ["--requests", "60", "--seconds", "2"]
    run = subprocess.run(
        [sys.executable, program, *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "nothing crashed, nothing was lost" in run.stdout
