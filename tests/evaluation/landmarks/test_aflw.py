import io
import json
import tarfile

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from monoface.core.errors import ConfigError, OutputExistsError
from monoface.data.sources import Aflw
from monoface.evaluation.landmarks.aflw import EvaluateAflwConfig, predict_points, run
from monoface.evaluation.landmarks.aflw_report import POINT_NAMES, summarise
from monoface.evaluation.reports.report import as_json
from monoface.metrics import AFLW_NORMALISER_PX


@pytest.fixture
def source(tmp_path):
    with tarfile.open(tmp_path / "images-0.tar", "w") as archive:
        for row in range(5):
            buffer = io.BytesIO()
            Image.fromarray(np.full((120, 120, 3), row, np.uint8)).save(buffer, "webp", lossless=True)
            entry = tarfile.TarInfo(f"{row}.webp")
            entry.size = len(buffer.getvalue())
            archive.addfile(entry, io.BytesIO(buffer.getvalue()))
    points = np.random.default_rng(0).uniform(0, 119, (5, 21, 2)).astype(np.float32)
    points[1, 3:] = np.nan
    points[2] = np.nan
    np.savez(
        tmp_path / "labels.npz", key=np.arange(5).astype(str), points21_px=points, split=np.array(["val"] * 5)
    )
    return Aflw(tmp_path)


def test_only_visible_points_count(source):
    predicted_px = np.nan_to_num(source.points21_px) + np.array([3.0, 4.0])
    predicted_px[0, :7] += (3, 4)
    report = summarise(source, predicted_px, "val")
    percent = 100 / AFLW_NORMALISER_PX * np.array([(7 * 10 + 14 * 5) / 21, 5, 5, 5])
    assert_allclose(report.nme_percent, percent.mean(), rtol=1e-6)
    assert_allclose([photo.nme_percent for photo in report.photos], percent, rtol=1e-6)
    assert [photo.key for photo in report.photos] == ["0", "1", "3", "4"]
    assert report.skipped == ["2"]
    assert report.failures == []
    by_point = report.nme_percent_by_point
    assert_allclose(by_point["chin"], 500 / AFLW_NORMALISER_PX, rtol=1e-6)
    assert_allclose(by_point["left brow, outer"], 100 / AFLW_NORMALISER_PX * 25 / 4, rtol=1e-6)
    assert (report.visible_by_point["left brow, outer"], report.visible_by_point["chin"]) == (4, 3)
    assert report.nme_percent_interval_95.low <= report.nme_percent <= report.nme_percent_interval_95.high


def test_failures_are_named(source):
    predicted_px = np.nan_to_num(source.points21_px)
    predicted_px[3, 20] = np.inf
    report = summarise(source, predicted_px, "val")
    assert report.failures == ["3"]
    assert report.nme_percent == 0
    nothing = as_json(summarise(source, np.full((5, 21, 2), np.nan), "val"))
    assert nothing["nme_percent"] is None
    assert nothing["nme_percent_by_point"]["chin"] is None


def test_crops_are_predicted_in_batches(source):
    sizes = []

    def predict(crops):
        sizes.append(len(crops))
        return np.broadcast_to(crops[:, :1, 0, :1].astype(float), (len(crops), 21, 2)).copy()

    predicted_px = predict_points(predict, source, batch_size=2)
    assert sizes == [2, 2, 1]
    assert predicted_px[:, 0, 0].tolist() == [0, 1, 2, 3, 4]


def test_every_point_has_a_name():
    assert len(set(POINT_NAMES)) == 21


def test_configurations_that_cannot_work_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="batch_size: expected at least 1, got 0"):
        EvaluateAflwConfig(data=tmp_path, out=tmp_path / "r.json", batch_size=0)
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(OutputExistsError):
        run(EvaluateAflwConfig(data=tmp_path, out=tmp_path / "r.json"))


def test_run_measures_weights_and_writes_the_report(source, toy_tools, tmp_path, monkeypatch):
    monkeypatch.setattr("monoface.evaluation.landmarks.aflw.Reconstructor", lambda config: toy_tools)
    out = tmp_path / "report.json"
    report = run(EvaluateAflwConfig(data=tmp_path, out=out, batch_size=3))
    content = json.loads(out.read_text())
    assert content == as_json(report)
    assert content["made_with"]["weights"] == "toy"
    assert len(content["photos"]) == 4
    assert content["nme_percent"] > 0
