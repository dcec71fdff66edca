import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scan_folders import face_cap, rotation, write_obj

from monoface.core.errors import DataError
from monoface.evaluation.scans.realy import EvaluateRealyConfig, Topology, run
from monoface.evaluation.scans.realy_protocol import REGIONS, SEVEN, align_globally

# Centre and half size of each region.
PLACES = {
    "nose": ((0, -5), (20, 22)),
    "mouth": ((0, -48), (34, 20)),
    "forehead": ((0, 50), (60, 32)),
    "cheek": ((50, -20), (25, 30)),
}


@pytest.fixture(scope="module")
def cap():
    return face_cap(side=31)


def inside(verts, name):
    centre, half = PLACES[name]
    return (np.abs(verts[:, :2] - centre) < half).all(axis=1)


def keypoint_triangles(verts, faces):
    """85 triangles whose first corners are keypoints: of a region within it, seven where they belong."""
    rng = np.random.default_rng(0)
    first = verts[faces[:, 0]]
    chosen = rng.integers(len(faces), size=85)
    for region in REGIONS:
        if region.bent_by:
            chosen[list(region.bent_by)] = rng.choice(
                np.flatnonzero(inside(first, region.name)), len(region.bent_by)
            )
    places = [(-45, 33), (-17, 31), (17, 31), (45, 33), (0, -20), (-25, -45), (25, -45)]
    for keypoint, place in zip(SEVEN, places, strict=True):
        chosen[keypoint] = np.abs(first[:, :2] - place).sum(axis=1).argmin()
    return chosen


@pytest.fixture
def folders(cap, tmp_path):
    verts, faces, _ = cap
    data, predictions = tmp_path / "realy", tmp_path / "method"
    rows = [(int(triangle), 1.0, 0.0) for triangle in keypoint_triangles(verts, faces)]
    write_obj(data / "cap.obj", verts, faces)
    (data / "cap.txt").write_text(json.dumps(rows))
    keypoints = Topology.read(data, "cap").keypoints(verts)
    for subject in (1, 2):
        write_obj(data / "REALY_HIFI3D_keypoints" / f"{subject}.obj", keypoints, [])
        for name in PLACES:
            kept = faces[inside(verts, name)[faces].all(axis=1)]
            index = np.unique(kept)
            renumbered = np.searchsorted(index, kept)
            write_obj(data / "REALY_scan_region" / str(subject) / f"{name}.obj", verts[index], renumbered)
    (data / "metrical_scale.txt").write_text("1.0\n2.0\n")
    moved = 3 * verts @ rotation((0.1, -0.2, 0.05)).T + (10, 20, 30)
    write_obj(predictions / "1.obj", moved, faces)
    write_obj(predictions / "2_30.obj", moved, faces)
    return data, predictions


def evaluate(folders, topology="cap"):
    data, predictions = folders
    config = EvaluateRealyConfig(data, predictions, data / "r.json", topology=topology, overwrite=True)
    return run(config)


def test_a_turned_and_scaled_copy_reads_0_in_every_region(folders):
    report = evaluate(folders)
    assert list(report.figures) == ["all", "frontal", "side"]
    for name in ("all", *PLACES):
        assert report.figures["all"][f"{name}_mm"] < 0.01
    assert report.count == {"all": 2, "frontal": 1, "side": 1}


def test_a_change_of_one_region_is_seen_there_in_the_subjects_millimetres(folders, cap):
    verts, faces, _ = cap
    flat = verts.copy()
    flat[:, 2] -= 8 * np.exp(-((verts[:, 0] / 12) ** 2) - ((verts[:, 1] + 5) / 22) ** 2)
    for name in ("1", "2_30"):
        write_obj(folders[1] / f"{name}.obj", flat, faces)
    first, second = (case.errors for case in evaluate(folders).cases)
    assert first["nose_mm"] > 0.5
    assert first["nose_mm"] > 3 * max(first[f"{name}_mm"] for name in ("forehead", "cheek"))
    assert_allclose(first["all_mm"], np.mean([first[f"{region.name}_mm"] for region in REGIONS]))
    assert_allclose(second["nose_mm"], 2 * first["nose_mm"], rtol=1e-6)


def test_the_global_scale_is_the_ratio_of_absolute_sums():
    rng = np.random.default_rng(0)
    source = 100 * rng.normal(size=(85, 3))
    target = 2 * source + rng.normal(size=(85, 3))
    placement = align_globally(source, target)
    seven = list(SEVEN)
    moved = placement.apply(source)[seven]
    assert_allclose(moved.mean(axis=0), target[seven].mean(axis=0))
    spread = [np.abs(points - points.mean(axis=0)).sum() for points in (moved, target[seven])]
    assert_allclose(*spread)
    with pytest.raises(DataError, match="the wrong topology, or vertices in another order"):
        align_globally(source[::-1], target)


def test_a_mesh_of_another_topology_is_a_failure(folders, cap):
    verts, faces, _ = cap
    write_obj(folders[1] / "1.obj", verts[:-1], faces[(faces < len(verts) - 1).all(axis=1)])
    report = evaluate(folders)
    assert "expected the 961 vertices of the topology, got 960" in report.failures["1"]
    assert report.figures["all"]["all_mm"] < 0.01


def test_data_must_be_as_described(folders):
    data, predictions = folders
    (predictions / "me.obj").write_text("v 0 0 0\n")
    with pytest.raises(DataError, match=r"expected SUBJECT\.obj or SUBJECT_VIEW\.obj with a number"):
        evaluate(folders)
    with pytest.raises(DataError, match=r"nothing\.obj: expected a mesh"):
        evaluate(folders, "nothing")
    (data / "cap.txt").write_text("[[0, 0.5, 0.5]]")
    with pytest.raises(DataError, match=r"expected 85 rows of 3 numbers, got \(1, 3\)"):
        evaluate(folders)
