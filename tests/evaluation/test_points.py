"""Points of other programs on AFLW2000-3D: reading, checks, and the whole command."""

import json

import numpy as np
import pytest
from aflw2000_photos import SETUP, make_source
from numpy.testing import assert_allclose

from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.landmarks.aflw2000 import EvaluateAflw2000Config, run
from monoface.evaluation.landmarks.aflw2000_measuring import measure
from monoface.evaluation.landmarks.aflw2000_summary import summarise
from monoface.evaluation.landmarks.point_checks import check_annotation, check_claim, check_predicted_points
from monoface.evaluation.landmarks.point_predictions import PointPredictions
from monoface.evaluation.landmarks.predictors import Landmarks68
from monoface.facemodel.landmarks import LEFT_RIGHT_68


@pytest.fixture
def source(monkeypatch):
    source = make_source()
    monkeypatch.setattr("monoface.evaluation.landmarks.aflw2000.Aflw2000.open", lambda folder: source)
    return source


def write(path, source, points=None, keys=None):
    """Points in the data set's pixel convention."""
    points = source.points68_px if points is None else points
    shift = np.array((0.5, 0.5, 0))[: points.shape[-1]]
    np.savez(path, key=np.array(source.keys if keys is None else keys), points68_px=points - shift)
    return path


def evaluate(tmp_path, points, **options):
    return run(
        EvaluateAflw2000Config(tmp_path, tmp_path / "r.json", points=points, overwrite=True, **options)
    )


def test_exact_points_score_0_in_both_conventions(source, tmp_path):
    report = evaluate(tmp_path, write(tmp_path / "p.npz", source), points_box="given")
    assert_allclose(report.nme_percent["bin_mean"], 0, atol=1e-4)
    assert_allclose(report.nme_percent_3d["bin_mean"], 0, atol=1e-4)
    np.savez(tmp_path / "half.npz", key=np.array(source.keys), points68_px=source.points68_px[..., :2])
    report = evaluate(tmp_path, tmp_path / "half.npz", points_first_pixel="0.5", points_box="given")
    assert_allclose(report.nme_percent["bin_mean"], 0, atol=1e-4)
    assert report.nme_percent_3d is None
    assert report.findings == []
    content = json.loads((tmp_path / "r.json").read_text())
    assert list(content["setup"]["predictions"]) == ["half.npz"]
    assert content["setup"]["made_with"] is None
    assert "half.npz" in (tmp_path / "r.html").read_text()


def test_depth_counts_from_each_shapes_smallest(source, tmp_path):
    points = source.points68_px.copy()
    points[..., 2] += 1000
    points[:, 5, 2] += 34
    report = evaluate(tmp_path, write(tmp_path / "p.npz", source, points), points_box="given")
    size_px = np.sqrt(np.ptp(source.points68_px[..., :2], axis=1).prod(axis=1))
    smallest = source.points68_px[..., 2].argmin(axis=1)
    moved = np.where(smallest == 5, np.nan, 100 * 34 / 68 / size_px)
    errors = np.array([photo.nme_percent_3d for photo in report.photos])
    assert_allclose(errors[np.isfinite(moved)], moved[np.isfinite(moved)], rtol=1e-3)
    assert_allclose(report.nme_percent["image_mean"], 0, atol=1e-4)


def test_missing_points_are_listed_and_count_as_failures(source, tmp_path):
    keys = [f"{key}.jpg" for key in source.keys[2:]]
    path = write(tmp_path / "p.npz", source, source.points68_px[2:], keys)
    report = evaluate(tmp_path, path)
    assert report.failures == ["0", "1"]
    assert [finding.check for finding in report.findings] == ["box not stated", "missing predictions"]
    assert_allclose(report.cumulative.failure_rate_percent, 100 * 2 / 7)
    assert_allclose(report.cumulative.within_percent["3"], 100 * 5 / 7)
    assert_allclose(report.cumulative.area_to_10_percent, 100 * 5 / 7, rtol=0.01)
    assert_allclose(report.nme_percent["image_mean"], 0, atol=1e-4)


def test_a_second_split_needs_a_yaw_for_each_photo(source, tmp_path):
    np.save(tmp_path / "yaw.npy", [0, 0, 0, 0, 40, 80, -80])
    report = evaluate(tmp_path, write(tmp_path / "p.npz", source), yaw=tmp_path / "yaw.npy")
    assert report.photos_per_bin_second_split == {"0-30": 4, "30-60": 1, "60-90": 2}
    assert_allclose(report.nme_percent_second_split["bin_mean"], 0, atol=1e-4)
    np.save(tmp_path / "yaw.npy", [0, 0])
    with pytest.raises(DataError, match="expected one number for each of 7 photos"):
        evaluate(tmp_path, tmp_path / "p.npz", yaw=tmp_path / "yaw.npy")


def test_the_published_subset_is_of_the_whole_set_only(source, tmp_path):
    with pytest.raises(ConfigError, match="expected the whole set of 2000 photos, got 7"):
        evaluate(tmp_path, write(tmp_path / "p.npz", source), subset="published_1998")


def test_standard_deviations_are_those_of_bins_and_of_their_means(source):
    shifts = np.arange(7.0)
    points = source.points68_px[..., :2].astype(float)
    points[..., 0] += shifts[:, None]
    report = summarise(measure(source, Landmarks68(points, points)), SETUP)
    percent = 100 * shifts / np.sqrt(np.ptp(source.points68_px[..., :2], axis=1).prod(axis=1))
    bins = [percent[[1, 3, 5]], percent[[2, 6]], percent[[0, 4]]]
    expected = [*(errors.std() for errors in bins), np.std([e.mean() for e in bins]), percent.std()]
    assert_allclose(list(report.nme_percent_std.values()), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda points: points / 450, "wrong units of the points: .* fractions of the picture's size"),
        (lambda points: points / 3.75, "wrong units of the points: .* pixels of the 120 x 120 crop"),
        (lambda points: points * 10, "wrong units of the points: .* no pixels of the photo"),
        (lambda points: points[:, list(LEFT_RIGHT_68)], "left and right exchanged: the points look mirrored"),
        (lambda points: points * (-1, 1) + (450, 0), "left and right exchanged: the points look mirrored"),
        (lambda points: points[..., ::-1], "x and y exchanged: .* Give x, from the left, before y"),
        (lambda points: points * (1, -1) + (0, 450), "y upwards: .* Give y in pixels from the photo's top"),
        (lambda points: points[:, ::-1], "points in reverse order: .* rather than .* %"),
    ],
)
def test_points_in_other_units_or_orders_are_refused(source, tmp_path, change, message):
    points = np.zeros((7, 68, 2)) + np.linspace(0, 1, 68)[:, None] * (150, 0) + (200, 200)
    points[..., 1] += 100 * np.sin(np.arange(68))
    source.points68_px = np.concatenate((points, np.zeros((7, 68, 1))), axis=-1).astype(np.float32)
    with pytest.raises(DataError, match=message):
        evaluate(tmp_path, write(tmp_path / "p.npz", source, change(points)))


def test_reannotated_points_as_original_ones_are_noticed(source):
    box = source.roi_box
    assert check_annotation(box, box + 2) == []
    finding = check_annotation(box, box + 8)[0]
    assert finding.check == "annotations mixed"
    assert "in 7 of 7 photos" in finding.message


def test_a_published_mean_is_told_apart():
    figures = {"bin_mean": 3.645, "image_mean": 3.152}
    assert check_claim(figures, None) == check_claim(figures, 3.65) == []
    assert "the published 3.16 is the mean of the photos" in check_claim(figures, 3.16)[0].message
    assert "is neither" in check_claim(figures, 2.5)[0].message


def test_good_points_and_no_points_pass_the_checks(source):
    assert check_predicted_points(source.points68_px + 3, source.points68_px) == []
    assert check_predicted_points(np.full((7, 68, 2), np.nan), source.points68_px) == []


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"key": np.array(["a"])}, "got no such array"),
        ({"key": np.array(["a"]), "points68_px": np.zeros((1, 68, 4))}, r"got \(1, 68, 4\)"),
        ({"key": np.array(["a"]), "points68_px": np.zeros((1, 21, 2))}, r"shape \(1, 68, 2\), got"),
        ({"key": np.array(["a.jpg", "a.png"]), "points68_px": np.zeros((2, 68, 2))}, "got several for a"),
    ],
)
def test_files_of_another_layout_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(DataError, match=message):
        PointPredictions.read(tmp_path / "p.npz")


def test_a_single_array_is_refused(tmp_path):
    """Defect: a traceback."""
    np.save(tmp_path / "x.npy", np.zeros((7, 68, 2)))
    with pytest.raises(
        DataError, match=r"an \.npz file with points68_px and key, as numpy.savez writes it, cannot read"
    ):
        PointPredictions.read(tmp_path / "x.npy")


def test_files_that_are_no_npz_and_foreign_keys_are_refused(tmp_path, source):
    (tmp_path / "p.npz").write_text("no")
    with pytest.raises(DataError, match="cannot read it"):
        PointPredictions.read(tmp_path / "p.npz")
    read = PointPredictions.read(write(tmp_path / "q.npz", source))
    with pytest.raises(DataError, match="expected predictions for photos such as other"):
        read.for_keys(["other"])


def test_published_predictions_of_2dasl_give_the_published_figures(data_dir, tmp_path):
    """What its released parameters give on the original annotation, by the binning of its own test files."""
    folder, points = data_dir / "aflw2000", data_dir / "2dasl" / "points68.npz"
    if not (folder.is_dir() and points.is_file()):
        pytest.skip("needs all of AFLW2000-3D (aflw2000/) and 2DASL's points (2dasl/points68.npz)")
    config = EvaluateAflw2000Config(
        folder, tmp_path / "r.json", points=points, points_box="given", subset="published_1998"
    )
    report = run(config)
    figures = [round(value, 3) for value in report.nme_percent.values()]
    assert_allclose(figures, [2.671, 3.605, 4.659, 3.645, 3.152], atol=0.005)
    assert report.failures == []
