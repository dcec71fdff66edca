"""A scan made of the head of a person of the face model: its shape is known, and so is that in its photos."""

import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image

from monoface.cli.main import main
from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.reconstructed import ReconstructedFaces
from monoface.evaluation.scans.mesh_predictor import LANDMARK_SET, SEVEN
from monoface.evaluation.scans.scan import (
    FITTED,
    MEAN_FACE,
    EvaluateScanConfig,
    RatedPhoto,
    RatedShape,
    ShapeRater,
    summarise,
)
from monoface.evaluation.scans.scan_data import HeadScan, find_landmarks, landmarks_of
from monoface.evaluation.scans.scan_fit import fit_to_scan
from monoface.evaluation.scans.scan_photos import (
    PICTURE_PX,
    ScanView,
    _largest_piece,
    middle_of_face,
    outer_surface,
    take_photo,
)
from monoface.export import write_glb
from monoface.export.scene import Material, MeshPart, RiggedHead
from monoface.geometry.surface import Surface
from monoface.render import TextureLayout
from monoface.shading import linear_to_srgb


@pytest.fixture(scope="module")
def identity(face_model):
    return torch.randn(face_model.identity_size, generator=torch.Generator().manual_seed(4))


@pytest.fixture(scope="module")
def verts_mm(face_model, identity):
    still = torch.zeros(1, face_model.expression_size)
    return face_model.shape(identity[None], still)[0].numpy()


@pytest.fixture(scope="module")
def folder(face_model, verts_mm, tmp_path_factory):
    """In the layout of the real scan: units of 66 mm, rows of the colour map from the bottom."""
    path = tmp_path_factory.mktemp("scan")
    uv = face_model.uv.numpy()
    from_bottom = np.stack((uv[:, 0], 1 - uv[:, 1]), axis=1)
    part = MeshPart("head", verts_mm * 1000 / 66, face_model.faces.numpy(), from_bottom, "grey")
    write_glb(RiggedHead((part,), (Material("grey"),)), path / "head.glb")
    layout = TextureLayout.from_mesh(face_model.faces, face_model.uv, 512)
    albedo = face_model.albedo(torch.zeros(1, face_model.albedo_size))[0]
    texels = (255 * linear_to_srgb(layout.from_vertices(albedo)).clamp(0, 1)).round().byte().numpy()
    layout.pad(texels)
    Image.fromarray(texels).save(path / "color.png")
    return path


@pytest.fixture(scope="module")
def scan(folder):
    return HeadScan.read(folder)


@pytest.fixture(scope="module")
def landmarks_mm(scan):
    return find_landmarks(scan)


def test_a_scan_is_read_in_millimetres_with_its_map_upright(scan, face_model, verts_mm):
    assert_allclose(scan.verts_mm, verts_mm, atol=1e-2)
    assert_allclose(scan.uv, face_model.uv, atol=1e-5)
    assert scan.colour.shape == (1, 3, 512, 512)
    doubled = np.flatnonzero(scan.weld != np.arange(len(scan.weld)))
    assert len(doubled)
    assert_allclose(scan.verts_mm[doubled], scan.verts_mm[scan.weld[doubled]], atol=1e-3)


def test_other_folders_are_refused(tmp_path, folder):
    with pytest.raises(DataError, match=r"expected one \.glb file of a head, found 0"):
        HeadScan.read(tmp_path / "none")
    (tmp_path / "a.glb").write_bytes(b"glTF")
    with pytest.raises(DataError, match=r"a\.glb: expected a head scan"):
        HeadScan.read(tmp_path)
    (tmp_path / "a.glb").write_bytes((folder / "head.glb").read_bytes())
    with pytest.raises(DataError, match=r"expected the colour map color\.jpg or color\.png"):
        HeadScan.read(tmp_path)


def test_landmarks_are_seen_on_the_scan(landmarks_mm, face_model, verts_mm):
    points = face_model.landmarks(LANDMARK_SET).points(torch.from_numpy(verts_mm)[None])[0].numpy()
    away = np.linalg.norm(landmarks_mm - points[list(SEVEN)], axis=1)
    assert away.max() < 10
    assert away.mean() < 6


def test_the_real_scan_has_landmarks_marked_by_hand(data_dir):
    real = HeadScan.read(data_dir / "scan")
    by_hand, seen = landmarks_of(real), find_landmarks(real)
    assert np.linalg.norm(by_hand - seen, axis=1).max() < 12
    on_scan = Surface(real.verts_mm, real.faces).closest(by_hand).distance
    assert on_scan.max() < 1.0


def test_what_lies_inside_a_head_is_not_measured(scan, face_model):
    outside = outer_surface(scan)
    inner = face_model.data.face_part == face_model.data.part_names.index("mouth")
    within = np.unique(scan.faces[inner.numpy()])
    kept = {tuple(point) for point in outside.verts_mm.round(3)}
    assert sum(tuple(point) in kept for point in scan.verts_mm[within].round(3)) < 0.3 * len(within)
    nose = scan.verts_mm[scan.verts_mm[:, 2].argmax()]
    assert np.linalg.norm(outside.verts_mm - nose, axis=1).min() < 1e-6


def test_the_true_shape_has_no_distance_and_the_mean_face_has(scan, landmarks_mm, face_model, identity):
    rater = ShapeRater(scan, landmarks_mm, face_model)
    true, mean_face = rater.rate(identity.double().numpy()), rater.rate(np.zeros(len(identity)))
    assert true.errors["median_mm"] < 0.05
    assert mean_face.errors["median_mm"] > 0.5
    assert len(true.distances_mm) == len(rater.cropped.verts_mm)


def test_the_face_model_is_fitted_to_a_scan(scan, landmarks_mm, face_model):
    rater = ShapeRater(scan, landmarks_mm, face_model)
    fitted = rater.rate(fit_to_scan(face_model, rater.surface, landmarks_mm))
    mean_face = rater.rate(np.zeros(face_model.identity_size))
    assert fitted.errors["median_mm"] < 0.4 * mean_face.errors["median_mm"]


def test_photos_show_the_head_from_the_side_asked_for(scan, landmarks_mm):
    faces = ReconstructedFaces("pretrain")
    middle_mm = middle_of_face(landmarks_mm)
    for yaw_deg in (-35.0, 0.0, 35.0):
        picture = take_photo(scan, ScanView(yaw_deg, 700, "even"), middle_mm)
        face = faces.largest(picture)
        assert abs(face.yaw_deg - yaw_deg) < 12
        assert_allclose(face.landmarks68_px.mean(axis=0), PICTURE_PX / 2, atol=45)


def test_a_lamp_stands_at_image_left(scan, landmarks_mm):
    middle_mm = middle_of_face(landmarks_mm)
    even, lamp = (
        take_photo(scan, ScanView(0, 1000, light), middle_mm).astype(float) for light in ("even", "lamp")
    )
    brighter = lamp - even
    rows, half = slice(230, 290), PICTURE_PX // 2
    assert brighter[rows, half - 80 : half - 30].mean() > brighter[rows, half + 30 : half + 80].mean() + 10
    near = take_photo(scan, ScanView(0, 350, "even"), middle_mm).astype(float)
    assert np.abs(near - even).mean() > 1


def rated(median, failure=""):
    errors = dict.fromkeys(("median_mm", "mean_mm", "std_mm"), median)
    return RatedShape({} if failure else errors, np.full(3, float(median)), failure)


def test_figures_are_by_view_and_beside_the_references():
    views = [ScanView(0, 500, "even"), ScanView(-40, 500, "lamp"), ScanView(40, 1500, "lamp")]
    shapes = [rated(1.0), rated(2.0), rated(0.0, "no face was found")]
    photos = [RatedPhoto(view, np.zeros((2, 2, 3)), shape) for view, shape in zip(views, shapes, strict=True)]
    report = summarise(photos, {MEAN_FACE: rated(1.5), FITTED: rated(0.9)})
    medians = {group: figures["median_mm"] for group, figures in report.figures.items()}
    assert medians["all"] == 1.5
    assert (medians[MEAN_FACE], medians[FITTED]) == (1.5, 0.9)
    assert medians["0 degrees"] == 1
    assert medians["40 degrees"] == 2
    assert report.count["40 degrees"] == 2
    assert report.failures == {"yaw+40-1500mm-lamp": "no face was found"}
    with pytest.raises(DataError, match="mean face: expected it to lie on the scan"):
        summarise(photos, {MEAN_FACE: rated(0, "not finite")})


def test_the_command_measures_one_photo(folder, tmp_path, capsys):
    out = tmp_path / "r.json"
    words = ["evaluate", "scan", "--data", str(folder), "--out", str(out), "--yaws-deg", "0"]
    assert main([*words, "--distances-mm", "800", "--lights", "even"]) == 0
    assert "fitted to the scan" in capsys.readouterr().out
    report = json.loads(out.read_text())
    figures = report["figures"]
    assert figures[FITTED]["median_mm"] < figures[MEAN_FACE]["median_mm"]
    assert figures["all"]["median_mm"] > 0.1
    assert "CC BY 3.0" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"yaws_deg": ()}, "expected yaws, distances and lights"),
        ({"distances_mm": (100.0,)}, "expected distances of at least 250 mm"),
        ({"mm_per_unit": 0.0}, "positive millimetres a unit"),
    ],
)
def test_senseless_photos_are_refused(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        EvaluateScanConfig(tmp_path, tmp_path / "r.json", **options)


def test_a_piece_hangs_together_by_its_corners():
    chain = np.array([[0, 1, 9], [9, 8, 7], [7, 2, 6], [3, 4, 5]])
    assert _largest_piece(chain).tolist() == [True, True, True, False]
    assert _largest_piece(chain[::-1]).tolist() == [False, True, True, True]
