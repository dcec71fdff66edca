import json

import numpy as np
import pytest
from aflw2000_photos import make_source
from numpy.testing import assert_allclose

from monoface.cli.main import main
from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.landmarks import aflw2000_dense
from monoface.evaluation.landmarks.aflw2000_dense import EvaluateAflw2000DenseConfig
from monoface.evaluation.landmarks.aflw_lfpa import EvaluateAflwLfpaConfig, read_groups, run


@pytest.fixture
def lfpa(tmp_path):
    points = np.random.default_rng(0).uniform(50, 150, (4, 34, 2))
    points[:, 0], points[:, 1] = (50, 50), (150, 150)
    points[1, 10:] = np.nan
    np.savez(
        tmp_path / "labels.npz",
        key=np.array(list("abcd")),
        points34_px=points,
        yaw_deg=np.array([0.0, 20, 40, -80]),
    )
    return tmp_path, points


def write(path, points, keys="abcd"):
    np.savez(path, key=np.array(list(keys)), points34_px=points)
    return path


def test_only_visible_points_count_and_failures_are_named(lfpa):
    folder, points = lfpa
    predicted = np.nan_to_num(points, nan=77.0) + np.array((3, 4))
    predicted[1, 20:] += 500
    path = write(folder / "p.npz", predicted[:3], "abc")
    report = run(EvaluateAflwLfpaConfig(folder, folder / "r.json", points=path, points_box="given"))
    # The visible points' box is 100 px on each side, and each is off by 5 px.
    assert_allclose([case.errors.get("nme_percent", np.nan) for case in report.cases], [5, 5, 5, np.nan])
    assert report.failures == {"d": "no prediction"}
    assert report.count == {"all": 4, "0-30": 2, "30-60": 1, "60-90": 1}
    assert [finding.check for finding in report.findings] == ["missing predictions"]
    assert json.loads((folder / "r.json").read_text())["figures"]["all"]["nme_percent"] == pytest.approx(5)


def test_weights_need_to_be_told_which_points_are_meant(lfpa):
    folder, _ = lfpa
    with pytest.raises(ConfigError, match="expected --points, or --groups"):
        EvaluateAflwLfpaConfig(folder, folder / "r.json")
    path = folder / "groups.json"
    path.write_text(json.dumps([[row, row + 1] for row in range(34)]))
    assert read_groups(path)[33] == (33, 34)
    for content, message in (
        ("[[1]]", "got 1 lists"),
        (json.dumps([[68]] * 34), "an index is outside"),
        (json.dumps([[]] * 34), "none may be empty"),
        ("{", "expected a JSON list of 34 lists"),
    ):
        path.write_text(content)
        with pytest.raises(DataError, match=message):
            read_groups(path)


@pytest.fixture
def dense(tmp_path, monkeypatch):
    source = make_source()
    monkeypatch.setattr("monoface.evaluation.landmarks.aflw2000_dense.Aflw2000.open", lambda folder: source)
    for name in ("truth", "method"):
        (tmp_path / name).mkdir()
    for key in source.keys:
        verts = np.random.default_rng(int(key)).uniform(0, 100, (9, 3))
        np.save(tmp_path / "truth" / f"{key}.npy", verts)
        np.save(tmp_path / "method" / f"{key}.npy", verts + np.array((3, 4, 100)))
    return source, tmp_path


def test_dense_alignment_by_hand(dense):
    source, folder = dense
    (folder / "method" / "6.npy").unlink()
    np.save(folder / "method" / "5.npy", np.zeros((4, 3)))
    config = EvaluateAflw2000DenseConfig(folder, folder / "truth", folder / "method", folder / "r.json")
    report = aflw2000_dense.run(config)
    size_px = np.sqrt(np.ptp(source.points68_px[..., :2].astype(float), axis=1).prod(axis=1))
    for name in ("nme_percent", "nme_percent_3d"):
        assert_allclose([case.errors[name] for case in report.cases[:5]], 500 / size_px[:5], rtol=1e-5)
    assert report.failures["6"] == "no prediction"
    assert report.failures["5"] == "expected the 9 vertices of the true mesh, got 4"


def test_without_a_face_model_of_the_users_it_says_what_to_do(dense, capsys):
    _, folder = dense
    paths = {
        "--data": folder,
        "--truth": folder / "none",
        "--predictions": folder,
        "--out": folder / "r.json",
    }
    words = [str(word) for pair in paths.items() for word in pair]
    assert main(["evaluate", "aflw2000-dense", *words]) == 2
    assert (
        "compute them from Shape_Para, Exp_Para and Pose_Para with your own copy" in capsys.readouterr().err
    )
