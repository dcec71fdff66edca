import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
from aflw2000_photos import SETUP, make_source
from numpy.testing import assert_allclose, assert_array_equal

from monoface.core.errors import ConfigError, OutputExistsError
from monoface.data.sources import Aflw2000
from monoface.data.sources.aflw2000 import compute_roi_box
from monoface.detection.detections import Detection
from monoface.evaluation.landmarks.aflw2000 import EvaluateAflw2000Config, run
from monoface.evaluation.landmarks.aflw2000_measuring import evaluate_aflw2000
from monoface.evaluation.landmarks.aflw2000_summary import summarise
from monoface.evaluation.landmarks.boxes import DetectedBox, given_box
from monoface.evaluation.landmarks.predictors import Landmarks68, RegressorPredictor
from monoface.evaluation.reports.report import as_json, write_report
from monoface.geometry.crops import unclip_square


@pytest.fixture
def source():
    return make_source()


class Shifted:
    """Knows the truth and errs by a given distance to the right; remembers how it was asked."""

    def __init__(self, source, shift_px, failures=()):
        self.source, self.failures = source, failures
        self.shift_px = np.broadcast_to(shift_px, len(source))
        self.batches, self.boxes = [], {}

    def __call__(self, images, boxes):
        rows = [int(image[0, 0, 0]) for image in images]
        self.batches.append(rows)
        self.boxes |= dict(zip(rows, boxes, strict=True))
        original = self.source.points68_px[rows, :, :2].astype(float)
        original[..., 0] += self.shift_px[rows, None]
        for position, row in enumerate(rows):
            if row in self.failures:
                original[position, 5] = np.nan
        yaw_deg = self.source.yaw_deg[rows].astype(float) * 0.9
        return Landmarks68(original, self.source.points68_px[rows, :, :2].astype(float), yaw_deg)


def size_px(source):
    extent = np.ptp(source.points68_px[..., :2].astype(float), axis=1)
    return np.sqrt(extent.prod(axis=1))


def test_errors_are_distances_over_the_size_of_the_face(source):
    errors = evaluate_aflw2000(Shifted(source, np.arange(7.0)), source)
    assert_allclose(errors.original, np.arange(7) / size_px(source), rtol=1e-6)
    assert_allclose(errors.reannotated, np.sqrt(8) / size_px(source), rtol=1e-6)
    assert errors.predicted.all()


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_batches_do_not_change_the_result(source, batch_size):
    predict = Shifted(source, np.arange(7.0))
    errors = evaluate_aflw2000(predict, source, batch_size=batch_size)
    assert [row for batch in predict.batches for row in batch] == list(range(7))
    assert max(map(len, predict.batches)) == min(batch_size, 7)
    assert_array_equal(errors.original, evaluate_aflw2000(Shifted(source, np.arange(7.0)), source).original)


def test_figures_by_yaw(source):
    errors = evaluate_aflw2000(Shifted(source, 1.0), source)
    report = summarise(errors, SETUP)
    percent = 100 / size_px(source)
    bins = [percent[[1, 3, 5]].mean(), percent[[2, 6]].mean(), percent[[0, 4]].mean()]
    expected = [*bins, np.mean(bins), percent.mean()]
    assert list(report.nme_percent) == ["0-30", "30-60", "60-90", "bin_mean", "image_mean"]
    assert_allclose(list(report.nme_percent.values()), expected, rtol=1e-6)
    assert_allclose(report.nme_percent_reannotated["image_mean"], percent.mean() * np.sqrt(8), rtol=1e-6)
    assert report.photos_per_bin == {"0-30": 3, "30-60": 2, "60-90": 2}
    assert_allclose(report.yaw_error_deg["60-90"], 8.2, rtol=1e-5)
    assert_allclose(report.yaw_excess_deg["60-90"], -8.2, rtol=1e-5)


def test_photos_without_a_prediction_are_named_and_not_counted_as_right(source):
    errors = evaluate_aflw2000(Shifted(source, 1.0, failures={4, 5}), source)
    report = summarise(errors, SETUP)
    percent = 100 / size_px(source)
    assert report.failures == ["4", "5"]
    assert report.photos_per_bin == {"0-30": 3, "30-60": 2, "60-90": 2}
    assert_allclose(report.nme_percent["60-90"], percent[0], rtol=1e-6)
    assert_allclose(report.nme_percent["0-30"], percent[[1, 3]].mean(), rtol=1e-6)
    assert len(report.photos) == 7
    assert as_json(report)["photos"][4]["nme_percent"] is None
    assert {photo.key for photo in report.worst} == {"0", "1", "2", "3", "6"}


def test_photos_without_a_box_never_reach_the_predictor(source):
    def find_box(photo):
        return None if photo.key in ("0", "6") else given_box(photo)

    predict = Shifted(source, 0.0)
    report = summarise(evaluate_aflw2000(predict, source, find_box=find_box, batch_size=1), SETUP)
    assert predict.batches == [[1], [2], [3], [4], [5]]
    assert report.failures == ["0", "6"]
    nowhere = evaluate_aflw2000(predict, source, find_box=lambda photo: None)
    assert as_json(summarise(nowhere, SETUP))["nme_percent"]["bin_mean"] is None


def test_without_reannotation_there_are_no_such_figures():
    source = make_source(with_reannotation=False)
    report = as_json(summarise(evaluate_aflw2000(Shifted(source, 1.0), source), SETUP))
    assert report["nme_percent_reannotated"] is None
    assert report["photos"][0]["nme_percent_reannotated"] is None


def test_the_worst_come_first(source):
    errors = evaluate_aflw2000(Shifted(source, np.array([0.0, 9, 0, 5, 0, 0, 7])), source)
    assert [photo.key for photo in summarise(errors, SETUP).worst[:3]] == ["1", "6", "3"]


def test_given_boxes_are_squares_around_the_face(source):
    predict = Shifted(source, 0.0)
    evaluate_aflw2000(predict, source)
    for row, box in predict.boxes.items():
        assert box[2] - box[0] == box[3] - box[1]
        low, high = source.points68_px[row, :, :2].min(axis=0), source.points68_px[row, :, :2].max(axis=0)
        assert_allclose((box[:2] + box[2:]) / 2, (low + high) / 2, atol=1.5)
        assert_allclose(box[2] - box[0], np.sqrt(2) * (high - low).max(), atol=1)


def detection(box):
    box = np.array(box, dtype=np.float32)
    return Detection(box=box, score=0.9, keypoints_px=np.zeros((6, 2), np.float32), network_box=box)


def test_the_detection_on_the_annotated_face_is_taken(source):
    photo = source[0]
    points = photo.points68_px[:, :2]
    true_box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    others = [detection([0, 0, 40, 40]), detection(true_box + 6), detection([200, 10, 310, 90])]
    centre = (true_box[:2] + true_box[2:]) / 2 + 6
    half = (true_box[2:] - true_box[:2]).max() * np.sqrt(2) / 2
    found = DetectedBox(lambda image: others)(photo)
    assert_allclose(found, np.concatenate([centre - half, centre + half]), rtol=1e-6)
    assert DetectedBox(lambda image: others[:1])(photo) is None
    assert DetectedBox(lambda image: [])(photo) is None


def test_a_written_report_is_complete_and_equal_each_time(source, tmp_path):
    report = summarise(evaluate_aflw2000(Shifted(source, 1.0), source), SETUP)
    write_report(report, tmp_path / "a.json")
    write_report(report, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["setup"]["landmark_set_reannotated"] == "ibug68_reannotated"
    assert set(content["nme_percent_interval_95"]) == set(content["nme_percent"])
    low, high = content["nme_percent_interval_95"]["bin_mean"]
    assert low <= content["nme_percent"]["bin_mean"] <= high
    with pytest.raises(OutputExistsError):
        write_report(report, tmp_path / "a.json")


@pytest.mark.parametrize("name", ["passes", "batch_size"])
def test_configurations_that_measure_nothing_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=f"{name}: expected at least 1, got 0"):
        EvaluateAflw2000Config(data=tmp_path, out=tmp_path / "r.json", **{name: 0})


def test_an_existing_report_is_noticed_before_any_work(tmp_path):
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(OutputExistsError):
        run(EvaluateAflw2000Config(data=tmp_path / "nowhere", out=tmp_path / "r.json"))


@pytest.mark.parametrize("box", ["roi_box", "detector"])
def test_run_measures_weights_and_writes_the_report(source, toy_tools, tmp_path, monkeypatch, box):
    monkeypatch.setattr("monoface.evaluation.landmarks.aflw2000.Reconstructor", lambda config: toy_tools)
    monkeypatch.setattr("monoface.evaluation.landmarks.aflw2000.Aflw2000.open", lambda folder: source)
    out = tmp_path / "folder" / "report.json"
    report = run(EvaluateAflw2000Config(data=tmp_path, out=out, box=box, batch_size=2))
    content = json.loads(out.read_text())
    assert content == as_json(report)
    assert content["setup"]["made_with"]["sha256"]["toy.safetensors"] == toy_tools.regressor.sha256
    assert {"torch", "numpy", "python"} <= content["setup"]["versions"].keys()
    assert content["setup"]["box"].startswith(box)
    assert content["failures"] == ([] if box == "roi_box" else list(source.keys))
    if box == "roi_box":
        errors = evaluate_aflw2000(RegressorPredictor(toy_tools.regressor, toy_tools.face_model), source)
        assert_allclose(report.nme_percent["image_mean"], 100 * errors.original.mean(), rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "empty"),
        ({"passes": 2}, "empty; then the landmarks found, in the same crop"),
        ({"mirror": True}, "empty"),
        ({"passes": 2, "recrop": True}, "empty; then the landmarks found, in a crop around them"),
        ({"detected_landmarks": True}, "the face-mesh network's landmarks"),
    ],
)
def test_reports_say_what_a_landmark_map_showed(
    source, toy_tools, toy_mapped, tmp_path, monkeypatch, options, told
):
    seen, usual = [], toy_mapped.predict
    tools = SimpleNamespace(**vars(toy_tools) | {"regressor": toy_mapped})
    monkeypatch.setattr("monoface.evaluation.landmarks.aflw2000.Reconstructor", lambda config: tools)
    monkeypatch.setattr("monoface.evaluation.landmarks.aflw2000.Aflw2000.open", lambda folder: source)
    monkeypatch.setattr(
        toy_mapped,
        "predict",
        lambda crops, points=None, mirror=None: (seen.append(points), usual(crops, points, mirror=mirror))[1],
    )
    report = run(EvaluateAflw2000Config(data=tmp_path, out=tmp_path / "report.json", **options))
    assert report.setup.landmark_map == told
    assert report.setup.mirror == options.get("mirror", False)
    assert [points is not None for points in seen] == [
        "detected_landmarks" in options, *[True] * (options.get("passes", 1) - 1)
    ]  # fmt: skip


def test_networks_without_a_map_cannot_be_shown_landmarks(source, toy_tools, tmp_path, monkeypatch):
    monkeypatch.setattr("monoface.evaluation.landmarks.aflw2000.Reconstructor", lambda config: toy_tools)
    monkeypatch.setattr("monoface.evaluation.landmarks.aflw2000.Aflw2000.open", lambda folder: source)
    config = EvaluateAflw2000Config(data=tmp_path, out=tmp_path / "report.json", detected_landmarks=True)
    with pytest.raises(ConfigError, match="expected ones with a landmark map"):
        run(config)


def test_most_clipped_boxes_of_the_dev_set_are_made_whole(data_dir):
    source = Aflw2000.open(data_dir / "aflw2000_dev")
    whole = np.stack([compute_roi_box(points[:, :2], 10_000, 10_000) for points in source.points68_px])
    restored = np.stack([unclip_square(box, 450, 450) for box in source.roi_box])
    exact = (whole == restored).all(axis=1)
    # Three are cut at a corner, where their size cannot be seen; five others at one side.
    assert exact.sum() == 197
    assert (source.roi_box == whole).all(axis=1).sum() == 192


def test_a_perfect_predictor_of_the_reannotated_points_on_the_dev_set(data_dir):
    """The figures that the notes of the data state; they pin points, normaliser, bins and means."""
    source = Aflw2000.open(data_dir / "aflw2000_dev")
    answers = iter(range(len(source)))

    def predict(images, boxes):
        rows = [next(answers) for _ in images]
        points = source.points68_reannotated_px[rows].astype(float)
        return Landmarks68(points, points)

    start = time.perf_counter()
    report = summarise(evaluate_aflw2000(predict, source), SETUP)
    seconds = time.perf_counter() - start
    figures = [round(value, 2) for value in report.nme_percent.values()]
    assert figures == [2.76, 3.09, 3.99, 3.28, 2.98]
    assert report.nme_percent_reannotated["image_mean"] == 0
    assert report.photos_per_bin == {"0-30": 136, "30-60": 39, "60-90": 25}
    assert seconds < 10
