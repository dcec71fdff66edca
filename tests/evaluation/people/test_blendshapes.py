import json
import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose
from packed_sources import make_images, write_source
from PIL import Image

from monoface.cli.main import main
from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.people.blendshape_labels import Label, read_labels_table, refuse_unknown_names
from monoface.evaluation.people.blendshapes import (
    CalmWeights,
    EvaluateBlendshapesConfig,
    look_at_calm,
    summarise,
)
from monoface.evaluation.reconstructed import ReconstructedFaces

LABELS = [
    Label("a.jpg", "jawOpen", 1.0),
    Label("b.jpg", "jawOpen", 0.0),
    Label("c.jpg", "jawOpen", 0.5),
    Label("a.jpg", "cheekPuff", 0.0),
]
FOUND = {
    "a.jpg": {"jawOpen": 0.4, "cheekPuff": 0.6},
    "b.jpg": {"jawOpen": 0.2, "cheekPuff": 0.5},
    "c.jpg": {"jawOpen": 0.3, "cheekPuff": 0.5},
}


def test_figures_by_name_by_hand():
    report = summarise(LABELS, FOUND)
    jaw = report.figures["jawOpen"]
    assert_allclose([jaw["error"], jaw["wanted"], jaw["found"]], [1.0 / 3, 0.5, 0.3])
    assert_allclose([jaw["correlation"], jaw["slope"]], [1, 0.2])
    assert_allclose(report.figures["cheekPuff"]["error"], 0.6)
    assert np.isnan(report.figures["cheekPuff"]["correlation"])
    assert_allclose(report.figures["all"]["error"], (0.6 + 0.2 + 0.2 + 0.6) / 4)
    assert report.count == {"all": 4, "jawOpen": 3, "cheekPuff": 1}


def test_photos_without_a_face_are_failures():
    report = summarise(LABELS, {**FOUND, "a.jpg": "no face was found"})
    assert report.failures == dict.fromkeys(("a.jpg: jawOpen", "a.jpg: cheekPuff"), "no face was found")
    assert_allclose(report.figures["jawOpen"]["error"], 0.2)
    assert report.figures["cheekPuff"] == {}


def test_medians_of_calm_faces_are_named_the_largest_first():
    calm = CalmWeights({"jawOpen": 0.01, "cheekPuff": 0.3, "eyeBlinkLeft": 0.2}, 5, {"x": "no face"})
    report = summarise(LABELS, FOUND, calm)
    assert report.figures["cheekPuff"]["calm_median"] == 0.3
    assert report.figures["all"]["calm_median"] == 0.3
    assert list(report.figures) == ["all", "jawOpen", "cheekPuff", "eyeBlinkLeft"]
    assert report.failures == {"x": "no face"}
    assert report.settings["calm faces"] == "5"
    alone = summarise([], {}, calm)
    assert list(alone.figures) == ["all", "cheekPuff", "eyeBlinkLeft", "jawOpen"]


def test_calm_faces_are_read_from_files_and_archives(tmp_path, repository):
    faces = ReconstructedFaces("pretrain", as_reconstruct=False)
    shutil.copy(repository / "examples" / "astronaut.png", tmp_path / "b.png")
    Image.new("RGB", (50, 50)).save(tmp_path / "a.png")
    found = look_at_calm(faces, tmp_path, 10)
    assert found.photos == 1
    assert found.failures == {"a.png": "no face was found"}
    assert found.median == pytest.approx(faces.largest(tmp_path / "b.png").blendshapes)
    with pytest.raises(DataError, match="found none that shows a face"):
        look_at_calm(faces, write_source(tmp_path / "packed", make_images(2, 60, 60)), 10)
    with pytest.raises(DataError, match="as files or images-"):
        look_at_calm(faces, tmp_path / "nothing", 10)


def write_table(path, *rows, header="file,name,value"):
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def test_a_table_is_read(tmp_path):
    path = write_table(tmp_path / "t.csv", "x/a.jpg, jawOpen ,0.5", "b.jpg,eyeBlinkLeft,1")
    assert read_labels_table(path) == [
        Label("x/a.jpg", "jawOpen", 0.5),
        Label("b.jpg", "eyeBlinkLeft", 1.0),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "expected labels below the line file,name,value"),
        (["a.jpg,jawOpen,wide"], "line 2: expected the columns file, name, value"),
        (["a.jpg,jawOpen"], "line 2: expected the columns"),
        (["a.jpg,jawOpen,0.5", "a.jpg,jawOpen,1.5"], "line 3: expected a value from 0 to 1, got 1.5"),
        (["a.jpg,jawOpen,0.5", "a.jpg,jawOpen,0.6"], "expected one value for jawOpen in a.jpg"),
    ],
)
def test_tables_that_make_no_sense_are_refused(tmp_path, rows, message):
    with pytest.raises(DataError, match=message):
        read_labels_table(write_table(tmp_path / "t.csv", *rows))


def test_files_that_are_no_tables_and_names_of_nothing_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected a table of labels"):
        read_labels_table(tmp_path / "none.csv")
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="expected a table of labels"):
        read_labels_table(tmp_path / "t.csv")
    with pytest.raises(DataError, match="such as jawOpen, got grin"):
        refuse_unknown_names([Label("a", "grin", 1.0)], ["jawOpen"])
    with pytest.raises(ConfigError, match="expected a table of labels, or calm faces"):
        EvaluateBlendshapesConfig()


def test_the_command_compares_and_writes_a_page(tmp_path, repository, capsys):
    shutil.copy(repository / "examples" / "astronaut.png", tmp_path / "astronaut.png")
    table = write_table(tmp_path / "t.csv", "astronaut.png,jawOpen,0.1", "astronaut.png,mouthSmileLeft,0.6")
    out = tmp_path / "r.json"
    assert main(["evaluate", "blendshapes", str(table), "--out", str(out)]) == 0
    assert "mouthSmileLeft" in capsys.readouterr().out
    report = json.loads(out.read_text())
    assert report["count"] == {"all": 2, "jawOpen": 1, "mouthSmileLeft": 1}
    assert (tmp_path / "r.html").is_file()
