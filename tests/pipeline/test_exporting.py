"""The exported folder: checked by `onnx`, and its reference against the pipeline's own regression."""

import importlib.util
import json

import numpy as np
import onnx
import pytest
from PIL import Image

from monoface.cli.main import main
from monoface.facemodel import open_numpy_model
from monoface.facemodel.landmarks import FLM18
from monoface.geometry.cameras import transform_points
from monoface.geometry.crops import crop_and_resize
from monoface.pipeline.exporting.bundle import FORMAT, export_bundle
from monoface.regression import CoefficientRegressor, Passes, regress_crops

# Left, top, right, bottom of a square around the face of the sample photo.
BOX = np.array((145.0, 25.0, 305.0, 185.0))
NETWORKS = ("regressor", "skin", "recognition", "blazeface_short", "blazeface_full", "facemesh")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def reference(folder):
    spec = importlib.util.spec_from_file_location("exported_reference", folder / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_pass_the_checker(folder, name):
    onnx.checker.check_model(onnx.load(folder / f"{name}.onnx"), full_check=True)


@pytest.mark.parametrize("looks", [1, 2])
def test_the_reference_finds_the_same_mesh(folder, reference, repository, looks):
    photo = np.asarray(Image.open(repository / "examples" / "astronaut.png").convert("RGB"))
    crop = crop_and_resize(photo, BOX, 120)
    model, regressor = open_numpy_model(None), CoefficientRegressor.load("monoface")
    passes = Passes(looks, mapped=model.subset(model.landmarks(FLM18)))
    expected = regress_crops(regressor, crop[None], passes)
    told = expected.coefficients
    verts_mm = model.shape(told.identity, told.expression)
    verts_px = expected.camera.project(transform_points(told.rotation, told.translation_mm, verts_mm))[0]
    session, said = reference.open_regressor(folder)
    found_mm, found_px = reference.crop_to_mesh(crop, session, said, reference.open_face_model(folder), looks)
    assert np.abs(found_px[:, :2] - verts_px[0]).max() < 0.02
    assert np.abs(found_mm - verts_mm[0]).max() < 0.02


def test_the_reference_is_short_and_needs_numpy_alone(folder):
    lines = (folder / "reference.py").read_text(encoding="utf-8").splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert len(lines) <= 150
    assert imported <= {"json", "sys", "pathlib", "typing", "numpy", "onnxruntime"}


def test_files_say_what_they_are(folder):
    model = onnx.load(folder / "regressor.onnx")
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["format"] == FORMAT
    assert json.loads(said["layout"])["expression"] == 51
    assert "research" in said["terms"]
    terms = json.loads((folder / "TERMS.json").read_text(encoding="utf-8"))
    # Running the reference may leave its bytecode beside it.
    written = {path.name for path in folder.iterdir() if path.is_file()}
    assert set(terms) == written - {"TERMS.json"}
    assert terms["facemesh.onnx"] == "Apache-2.0"


def test_files_of_others_stay(folder, capsys):
    assert main(["export", str(folder)]) == 2
    assert "expected no file there" in capsys.readouterr().err
