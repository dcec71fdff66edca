import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scan_folders import face_cap, rotation, write_obj, write_picked_points

from monoface.core.errors import ConfigError, DataError, OutputExistsError
from monoface.evaluation.scans.now import EvaluateNowConfig, run
from monoface.evaluation.scans.now_data import NowData
from monoface.evaluation.scans.now_protocol import NowScan, score_scan, within_crop
from monoface.geometry.surface import Surface

PHOTOS = [
    ("anna", "multiview_neutral", "p1"),
    ("anna", "multiview_expressions", "p2"),
    ("bert", "multiview_neutral", "p3"),
    ("bert", "selfie", "p4"),
]


@pytest.fixture(scope="module")
def cap():
    return face_cap()


def write_prediction(folder, photo, verts, faces, seven, **kwargs):
    subject, challenge, name = photo
    stem = folder / subject / challenge / name
    write_obj(stem.with_suffix(".obj"), verts, faces, **kwargs)
    np.save(stem.with_suffix(".npy"), verts[seven])


@pytest.fixture
def now_folder(cap, tmp_path):
    """Two subjects with the same scan, four photos, and predictions that are exact up to a similarity."""
    verts, faces, seven = cap
    data, predictions = tmp_path / "now", tmp_path / "method"
    lines = [f"{subject}/{challenge}/{name}.jpg" for subject, challenge, name in PHOTOS]
    data.mkdir()
    (data / "imagepathsvalidation.txt").write_text("\n".join(lines) + "\n")
    for subject in ("anna", "bert"):
        write_obj(data / "scans" / subject / "scan.obj", verts, faces)
        write_picked_points(data / "scans_lmks_onlypp" / subject / "scan.pp", verts[seven])
    moved = 0.01 * verts @ rotation((0.1, 0.2, -0.1)).T + (3, 4, 5)
    for photo in PHOTOS:
        write_prediction(predictions, photo, moved, faces, seven)
    return data, predictions


def evaluate(folders, **options):
    data, predictions = folders
    out = data.parent / "report.json"
    config = EvaluateNowConfig(data=data, out=out, predictions=predictions, overwrite=True, **options)
    return run(config), out


def test_the_crop_is_a_sphere_of_known_centre_and_radius():
    landmarks = np.zeros((7, 3))
    landmarks[0, 0], landmarks[3, 0] = -40, 40
    landmarks[1], landmarks[2], landmarks[4] = (-15, 0, 0), (15, 0, 0), (0, -50, 0)
    # Centre at -50 + 0.3 * 50 = -35, radius 1.4 * (80 + 50) / 2 = 91.
    verts = np.array([(0, -35 + 90.9, 0), (0, -35 + 91.1, 0), (0, -35, -90.9), (91.1, -35, 0)])
    assert within_crop(verts, landmarks).tolist() == [True, False, True, False]


def test_a_turned_and_scaled_copy_reads_0(now_folder):
    report, out = evaluate(now_folder)
    assert report.figures["all"]["mean_mm"] < 1e-4
    assert report.count == {"all": 4, "multiview_neutral": 2, "multiview_expressions": 1, "selfie": 1}
    assert not report.failures
    content = json.loads(out.read_text())
    assert content["definition"]["normaliser"] == "none; millimetres of the scan"
    assert content["cases"][0]["key"] == "anna/multiview_neutral/p1"
    page = out.with_suffix(".html").read_text()
    assert "NoW, non-metrical" in page
    assert "data:image/webp;base64," in page


def test_a_scan_1_mm_in_front_of_the_mesh_reads_1_mm_if_the_mesh_may_not_move():
    """A sphere of 81 mm round one of 80 mm: metrically its distance is 1 mm; scaled it is 0."""
    longitude, latitude = np.meshgrid(np.linspace(0, 2 * np.pi, 121)[:-1], np.linspace(-1.5, 1.5, 61))
    unit = np.stack(
        (np.cos(latitude) * np.cos(longitude), np.sin(latitude), np.cos(latitude) * np.sin(longitude)), -1
    )
    index = np.arange(61 * 120).reshape(61, 120)
    right = np.roll(index, -1, axis=1)
    faces = np.concatenate(
        (
            np.stack((index[:-1], right[:-1], right[1:]), -1).reshape(-1, 3),
            np.stack((index[:-1], right[1:], index[1:]), -1).reshape(-1, 3),
        )
    )
    verts = unit.reshape(-1, 3)
    seven = [1000, 1020, 1040, 1060, 4000, 5000, 5050]
    scan = NowScan(81 * verts, faces, 81 * verts[seven])
    surface = Surface(80 * verts, faces)
    score = score_scan(scan, surface, 80 * verts[seven], metrical_unit="mm")
    # The mesh's triangles lie up to 0.11 mm within the sphere through its corners.
    assert_allclose(np.median(score.distances_mm), 1.0, atol=0.01)
    assert not score.alignment.failure
    assert score_scan(scan, surface, 80 * verts[seven]).distances_mm.max() < 1e-6
    in_metres = Surface(0.08 * verts, faces)
    again = score_scan(scan, in_metres, 0.08 * verts[seven], metrical_unit="m")
    assert_allclose(again.distances_mm, score.distances_mm, atol=1e-4)


def test_figures_are_over_the_distances_of_all_photos_together(now_folder, cap):
    verts, faces, seven = cap
    bump = verts + 3 * np.exp(-(((verts[:, :2] - (30, 0)) / 15) ** 2).sum(axis=1))[:, None] * (0, 0, 1)
    write_prediction(now_folder[1], PHOTOS[0], bump, faces, seven)
    report, _ = evaluate(now_folder)
    by_case = [case.errors["mean_mm"] for case in report.cases]
    assert by_case[0] > 0.1 > 1e-3 > max(by_case[1:])
    # All scans have equally many vertices here, so the mean over all is the mean of the photos' means.
    assert_allclose(report.figures["all"]["mean_mm"], np.mean(by_case), rtol=1e-6)
    assert report.figures["all"]["median_mm"] < 1e-3
    assert report.figures["multiview_neutral"]["mean_mm"] > report.figures["all"]["mean_mm"]


def test_missing_and_broken_predictions_are_failures_with_their_reason(now_folder, cap):
    verts, faces, seven = cap
    _, predictions = now_folder
    (predictions / "bert/selfie/p4.obj").unlink()
    (predictions / "bert/multiview_neutral/p3.npy").unlink()
    broken = verts.copy()
    broken[5, 2] = np.nan
    write_prediction(predictions, PHOTOS[1], broken, faces, seven)
    report, _ = evaluate(now_folder)
    assert "expected finite vertices" in report.failures.pop("anna/multiview_expressions/p2")
    assert report.failures == {"bert/multiview_neutral/p3": "no landmarks", "bert/selfie/p4": "no mesh"}
    assert report.figures["selfie"]["mean_mm"] != report.figures["selfie"]["mean_mm"]
    # Three of four photos failed: the cumulative curve ends at 25 %.
    assert_allclose(report.curves["all"].percent[-1], 25, atol=1e-6)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([3, 2, 1, 0, 4, 6, 5], "left and right are exchanged"),
        ([4, 0, 1, 2, 3, 5, 6], r"they fit in the order \(1, 2, 3, 4, 0, 5, 6\)"),
        ([0, 1, 2, 3, 5, 6, 4], "they fit in the order"),
    ],
)
def test_the_wrong_seven_landmarks_are_refused(now_folder, cap, order, message):
    verts, faces, seven = cap
    for photo in PHOTOS:
        write_prediction(now_folder[1], photo, verts, faces, seven[order])
    with pytest.raises(DataError, match=f"wrong seven landmarks: .*{message}"):
        evaluate(now_folder)


def test_other_numbers_of_landmarks_are_refused(now_folder, cap):
    verts, faces, seven = cap
    for photo in PHOTOS:
        write_prediction(now_folder[1], photo, verts, faces, [*seven, 0])
    with pytest.raises(DataError, match=r"expected 7 finite points, got the shape \(8, 3\)"):
        evaluate(now_folder)


def test_landmarks_in_another_unit_than_the_mesh_are_refused(now_folder, cap):
    verts, faces, seven = cap
    for photo in PHOTOS:
        write_prediction(now_folder[1], photo, verts, faces, seven)
        subject, challenge, name = photo
        np.save(now_folder[1] / subject / challenge / f"{name}.npy", verts[seven] / 1000)
    with pytest.raises(DataError, match="landmarks off the mesh"):
        evaluate(now_folder)


def test_a_wrong_unit_is_refused_in_the_metrical_variant_only(now_folder, cap):
    verts, faces, seven = cap
    for photo in PHOTOS:
        write_prediction(now_folder[1], photo, verts / 1000, faces, seven)
    with pytest.raises(DataError, match=r"wrong units: .* 0\.09\d* mm apart, .* It fits m\."):
        evaluate(now_folder, metrical=True, unit="mm")
    assert evaluate(now_folder, metrical=True, unit="m")[0].figures["all"]["mean_mm"] < 1e-2
    assert evaluate(now_folder, unit="mm")[0].figures["all"]["mean_mm"] < 1e-2


def test_an_expression_that_was_not_zeroed_is_noticed(now_folder, cap):
    verts, faces, seven = cap
    smile = verts.copy()
    mouth = np.exp(-(((verts[:, :2] - (0, -45)) / (40, 15)) ** 2).sum(axis=1))
    smile[:, 0] *= 1 + 0.3 * mouth
    write_prediction(now_folder[1], PHOTOS[1], smile, faces, seven)
    report, _ = evaluate(now_folder)
    assert "expression not zeroed" in [finding.check for finding in report.findings]
    assert "head pose not zeroed" in [finding.check for finding in report.findings]


def test_vertex_colours_and_degenerate_triangles_are_read_right_and_named(now_folder, cap):
    verts, faces, seven = cap
    degenerate = np.concatenate((faces, [[0, 0, 1], [5, 5, 5]]))
    for photo in PHOTOS:
        write_prediction(now_folder[1], photo, verts, degenerate, seven, colours=np.full_like(verts, 0.5))
    report, out = evaluate(now_folder)
    assert report.figures["all"]["mean_mm"] < 1e-4
    messages = {finding.check: finding.message for finding in report.findings}
    assert messages["vertex-colour OBJ"].startswith("3 of 3 files checked hold colours")
    assert "most: 2 in" in messages["degenerate triangles"]
    assert "vertex-colour OBJ" in out.with_suffix(".html").read_text()


def test_data_and_predictions_must_be_there(now_folder, tmp_path):
    data, _ = now_folder
    with pytest.raises(DataError, match=r"imagepathsvalidation\.txt: expected NoW's list of photos"):
        NowData(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="expected a folder of predictions"):
        evaluate((data, tmp_path / "nowhere"))
    (tmp_path / "report.html").write_text("")
    with pytest.raises(OutputExistsError):
        run(EvaluateNowConfig(data=data, out=Path(tmp_path / "report.json"), predictions=tmp_path))
