import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from packed_sources import make_images, write_source

from monoface.cli.main import main
from monoface.core.errors import ConfigError, DataError
from monoface.data.sources import MerlRav
from monoface.evaluation.landmarks.gaps import EvaluateGapsConfig, summarise
from monoface.evaluation.landmarks.openings import (
    LIDS,
    LIPS,
    MarkedGaps,
    marked_size_px,
    marked_yaw_deg,
    opening_px,
)
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera

COUNT = 6


def opened(mouth_px, eyes_px):
    """68 points in a box of 100 x 81 pixels whose lips and lids are apart by so much."""
    points = np.full((68, 2), 60.0)
    points[0], points[16] = (10, 20), (110, 101)
    for pairs, gap in ((LIPS, mouth_px), (LIDS, eyes_px)):
        for place, (upper, lower) in enumerate(pairs):
            points[upper], points[lower] = (40 + 5 * place, 50), (40 + 5 * place, 50 + gap)
    return points


def marked(mouth, eyes):
    size = np.full(len(mouth), 90.0)
    gaps = {"mouth": np.array(mouth) / 90, "eyes": np.array(eyes) / 90}
    return MarkedGaps(list(range(len(mouth))), np.zeros(len(mouth)), size, gaps)


def test_openings_are_mean_distances_of_lips_and_lids():
    points = np.stack([opened(9, 3), opened(0, 1.5)])
    assert_allclose(opening_px(points, LIPS), [9, 0])
    assert_allclose(opening_px(points, LIDS), [3, 1.5])
    points[0, 62] = np.nan
    assert np.isnan(opening_px(points, LIPS)[0])


def test_the_size_is_of_the_box_of_points_that_have_a_place():
    points = np.stack([opened(1, 1), opened(1, 1), np.full((68, 2), np.nan)])
    points[1, 16] = np.nan
    sizes = marked_size_px(points)
    assert_allclose(sizes[0], np.sqrt(100 * 81))
    assert sizes[1] < sizes[0]
    assert np.isnan(sizes[2])


def test_half_of_every_opening_has_a_slope_of_one_half():
    mouths, eyes = np.arange(1.0, 1 + COUNT), np.linspace(2, 4, COUNT)
    found = np.stack([opened(mouth / 2, 3.0) for mouth in mouths])
    report = summarise([str(row) for row in range(COUNT)], marked(mouths, eyes), found)
    figures = report.figures["all"]
    assert_allclose([figures["mouth_slope"], figures["mouth_correlation"]], [0.5, 1])
    assert_allclose(figures["eyes_slope"], 0, atol=1e-12)
    assert np.isnan(figures["eyes_correlation"])
    assert_allclose(figures["mouth_error_percent"], 100 * (mouths / 2).mean() / 90)
    assert_allclose(report.intervals_95["mouth_slope"].low, 0.5)
    assert_allclose(report.cases[2].errors["mouth_found_percent"], 100 * 1.5 / 90)


def test_unseen_openings_and_photos_without_points_do_not_count():
    mouths, eyes = [1.0, 2, 3, 4], [np.nan, 2.0, 3, 1]
    found = np.stack([opened(mouth, 1.0) for mouth in mouths])
    found[3] = np.nan
    report = summarise(list("abcd"), marked(mouths, eyes), found)
    assert report.settings == {"photos with mouth": "3", "photos with eyes": "2"}
    assert report.failures == {"d": "no prediction"}
    assert "eyes_error_percent" not in report.cases[0].errors
    assert_allclose(report.figures["all"]["mouth_slope"], 1)


def posed_points(model, yaw_deg):
    """The 68 points of the mean face in a crop of 120 pixels."""
    import torch

    yaw = torch.tensor(np.deg2rad(yaw_deg), dtype=torch.float32)
    rotation = head_to_camera(head_matrix_from_angles(yaw, torch.zeros(len(yaw)), torch.zeros(len(yaw))))
    points = model.landmarks("ibug68_reannotated").points(model.mean_mm[None]).expand(len(yaw), -1, -1)
    placed = transform_points(rotation, torch.tensor([[0.0, 0.0, 1000.0]]).expand(len(yaw), -1), points)
    camera = WeakPerspectiveCamera(torch.full((len(yaw),), 0.5), torch.full((len(yaw), 2), 60.0))
    return camera.project(placed)[0].numpy()


def test_the_yaw_comes_from_the_marks(face_model):
    wanted = np.array([-40.0, 0.0, 25.0, 70.0])
    points = posed_points(face_model, wanted)
    points[1, 20] = np.nan
    assert_allclose(marked_yaw_deg(points, face_model), wanted, atol=4)


def write_merl_rav(folder, model, yaw_deg):
    count = len(yaw_deg)
    write_source(
        folder,
        make_images(count, 120, 120),
        points21_px=np.full((count, 21, 2), 60, np.float32),
        split=np.array(["val"] * (count - 1) + ["train"]),
    )
    state = np.zeros((count, 68), np.uint8)
    state[0, 62], state[0, 37] = 1, 1
    np.savez(
        folder / "merl_rav.npz",
        key=np.array([f"{row:04}" for row in range(count)]),
        points68_px=(posed_points(model, np.array(yaw_deg)) - 0.5).astype(np.float32),
        state=state,
        residual=np.zeros(count, np.float32),
    )
    return folder


def test_turned_photos_and_such_without_seen_openings_are_left_out(tmp_path, face_model):
    source = MerlRav(write_merl_rav(tmp_path, face_model, [0, 0, 20, 70, 0]), max_outside_px=None)
    assert MarkedGaps.of(source, 45).rows == [1, 2, 4]
    assert MarkedGaps.of(source, 90).rows == [1, 2, 3, 4]
    assert MarkedGaps.of(source, 45, limit=2).rows == [1, 2]
    with pytest.raises(DataError, match="expected photos within 45 degrees"):
        MarkedGaps.of(MerlRav(write_merl_rav(tmp_path / "b", face_model, [0, 80])), 45)


def test_the_command_scores_points_of_a_file(tmp_path, face_model, capsys):
    folder = write_merl_rav(tmp_path / "aflw", face_model, [0, 0, 20, -10, 5, 0])
    with np.load(folder / "merl_rav.npz") as labels:
        np.savez(tmp_path / "found.npz", key=labels["key"], points68_px=labels["points68_px"])
    words = ["evaluate", "gaps", "--data", str(folder), "--points", str(tmp_path / "found.npz")]
    assert main([*words, "--out", str(tmp_path / "r.json")]) == 0
    assert "mouth, slope" in capsys.readouterr().out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["figures"]["all"]["mouth_error_percent"] < 1e-3
    assert "mouth, found against marked: each case." in (tmp_path / "r.html").read_text()


def test_weights_are_measured_too(tmp_path, face_model):
    folder = write_merl_rav(tmp_path / "aflw", face_model, [0, 0, 20])
    words = ["evaluate", "gaps", "--data", str(folder), "--out", str(tmp_path / "r.json"), "--split", "all"]
    assert main(words) == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["settings"]["faces"] == "as `monoface reconstruct` makes them"
    assert report["count"]["all"] == 2
    assert report["figures"]["all"]["eyes_error_percent"] > 0


@pytest.mark.parametrize("options", [{"limit": -1}, {"max_yaw_deg": 0}, {"max_yaw_deg": 120}])
def test_senseless_limits_are_refused(tmp_path, options):
    with pytest.raises(ConfigError, match="gaps: expected a limit of at least 0"):
        EvaluateGapsConfig(tmp_path, tmp_path / "r.json", **options)
