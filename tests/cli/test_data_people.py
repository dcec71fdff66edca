"""`monoface data people`: a folder of two people becomes packs, with the shipped mesh."""

import json

import numpy as np
import pytest

from monoface.cli.main import main
from monoface.data.preparing.prepared import PreparedFolder

QUICK = ["--turn.views", "0", "--rounds", "1", "--single-rounds", "1", "--population.rounds", "1",
         "--held-out-people", "10"]  # fmt: skip


def test_a_folder_of_people_becomes_packs(sample, noise, tmp_path, capsys):
    for name, picture in {
        "ann/1.png": sample, "ann/2.png": sample.resize((400, 400)), "bob/noise.png": noise
    }.items():  # fmt: skip
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / "own" / name)
    out = tmp_path / "out"
    assert main(["data", "people", "--folders", str(tmp_path / "own"), "--out", str(out), *QUICK]) == 0
    told = capsys.readouterr().out
    assert "looking at own 0/3" in told
    assert "packs of own 3/3" in told
    assert "own: 2 kept, 1 no_marks" in told
    records = [json.loads(line) for line in (out / "own" / "photos.jsonl").read_text().splitlines()]
    assert [(one["person"], one["outcome"]) for one in records] == [
        (0, "kept"), (0, "kept"), (1, "no_marks"),
    ]  # fmt: skip
    folder = PreparedFolder(out / "own")
    (pack, _) = folder.packs()
    assert folder.terms == "The user's own photos."
    assert np.ptp(pack.trust) == 0
    assert not list(out.rglob("*.descriptors.npy"))


def test_photos_without_faces_have_their_own_exit_code(noise, tmp_path):
    (tmp_path / "own" / "bob").mkdir(parents=True)
    noise.save(tmp_path / "own" / "bob" / "noise.png")
    arguments = ["data", "people", "--folders", str(tmp_path / "own"), "--out", str(tmp_path / "out")]
    assert main([*arguments, *QUICK]) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "expected --data with sources, or --folders of your own"),
        (["--sources", "cfp"], "--sources: expected --data, the folder that holds them"),
        (["--folders", "/nowhere/at/all"], "expected folders of photos, one a person, found none"),
    ],
)
def test_wrong_usage_is_a_line_and_exit_code_2(tmp_path, capsys, options, message):
    assert main(["data", "people", "--out", str(tmp_path / "out"), *options]) == 2
    assert message in capsys.readouterr().err
