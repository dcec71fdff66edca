import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from scan_folders import face_cap, rotation, write_obj, write_picked_points

from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.scans.micc import EvaluateMiccConfig, plane_distances, run
from monoface.evaluation.scans.micc_data import MiccScan, five_points
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface

FIVE_XY = np.array([(-31, 32), (31, 32), (0, -8), (-25, -45), (25, -45)])


@pytest.fixture(scope="module")
def cap():
    verts, faces, _ = face_cap()
    five = [int(np.abs(verts[:, :2] - place).sum(axis=1).argmin()) for place in FIVE_XY]
    return verts, faces, five


@pytest.fixture
def folders(cap, tmp_path):
    verts, faces, five = cap
    data, predictions = tmp_path / "micc", tmp_path / "method"
    write_obj(data / "s1" / "Model" / "frontal1" / "obj" / "1.obj", verts, faces)
    write_obj(data / "s2.obj", verts, faces)
    write_picked_points(data / "s1.pp", verts[five])
    np.savetxt(data / "s2.txt", verts[five])
    for subject, scale, name in (("s1", 0.01, "cooperative"), ("s2", 0.011, "indoor_3")):
        write_obj(predictions / subject / f"{name}.obj", scale * verts @ rotation((0.1, 0, 0)).T, faces)
        np.save(predictions / subject / f"{name}.npy", scale * verts[five] @ rotation((0.1, 0, 0)).T)
    return data, predictions


def evaluate(folders, variant):
    data, predictions = folders
    return run(EvaluateMiccConfig(data, data / "r.json", predictions, variant=variant, overwrite=True))


def test_each_mesh_with_its_own_scale_reads_0(folders):
    report = evaluate(folders, "per_mesh")
    assert report.figures["all"]["rmse_mm"] < 1e-3
    assert list(report.figures) == ["all", "cooperative", "indoor"]
    assert "must not be compared" in report.definition.source


def test_one_scale_for_all_leaves_the_differences_of_size(folders):
    report = evaluate(folders, "global_scale")
    assert report.figures["all"]["mean_mm"] > 0.2
    assert_allclose(float(report.settings["scale of all meshes"]), (100 + 100 / 1.1) / 2, rtol=1e-4)
    assert report.benchmark != evaluate(folders, "per_mesh").benchmark


def test_the_scan_is_cropped_95_mm_around_the_nose(cap, folders):
    verts, _, five = cap
    scan = MiccScan.read(folders[0], "s1")
    expected = (np.linalg.norm(verts - verts[five[2]], axis=1) <= 95).sum()
    assert abs(len(scan.verts_mm) - expected) <= 1
    assert len(scan.verts_mm) < len(verts)


def test_planes_go_on_beyond_the_border():
    surface = Surface(np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0)]), np.array([(0, 1, 2)]))
    placement = Placement(2.0, np.eye(3), np.zeros(3))
    points = np.array([(0.2, 0.2, 3), (50, 0, 4.0)])
    assert_allclose(plane_distances(points, surface, placement), [3, 4])


def test_what_is_missing_is_named(folders, tmp_path):
    data, predictions = folders
    (data / "s2.txt").unlink()
    with pytest.raises(DataError, match="expected a scan and its five landmarks of s2"):
        evaluate(folders, "per_mesh")
    (predictions / "s1" / "cooperative.npy").unlink()
    with pytest.raises(DataError, match="expected its five landmarks beside it"):
        evaluate(folders, "per_mesh")
    with pytest.raises(DataError, match=r"expected SUBJECT/NAME\.obj"):
        evaluate((data, tmp_path / "micc"), "per_mesh")
    with pytest.raises(ConfigError, match="nowhere: expected a folder of predictions, found none"):
        evaluate((data, tmp_path / "nowhere"), "per_mesh")


def test_scans_in_metres_are_noticed(cap, folders):
    verts, faces, _ = cap
    write_obj(folders[0] / "s2.obj", verts / 1000, faces)
    with pytest.raises(DataError, match="no vertex lies within 95 mm of the tip of the nose"):
        evaluate(folders, "per_mesh")


def test_exchanged_sides_are_refused(folders, cap):
    verts, _, five = cap
    np.save(folders[1] / "s1" / "cooperative.npy", verts[[five[index] for index in (1, 0, 2, 4, 3)]])
    with pytest.raises(DataError, match="wrong five landmarks: s1/cooperative: left and right are exchanged"):
        evaluate(folders, "per_mesh")
    np.save(folders[1] / "s1" / "cooperative.npy", verts[[five[index] for index in (2, 0, 1, 4, 3)]])
    with pytest.raises(DataError, match="expected right eye, left eye, tip of the nose"):
        evaluate(folders, "per_mesh")


def test_weights_see_photos(folders, repository, tmp_path):
    (tmp_path / "photos" / "s1").mkdir(parents=True)
    (tmp_path / "photos" / "s1" / "indoor.png").write_bytes(
        (repository / "examples/astronaut.png").read_bytes()
    )
    Image.new("RGB", (60, 60)).save(tmp_path / "photos" / "s1" / "outdoor.png")
    report = run(EvaluateMiccConfig(folders[0], tmp_path / "r.json", photos=tmp_path / "photos"))
    assert report.failures["s1/outdoor"] == "no face was found"
    assert report.made_with.weights == "monoface"
    assert report.count["all"] == 2


def test_either_meshes_or_photos(tmp_path):
    for options in ({}, {"predictions": tmp_path, "photos": tmp_path}):
        with pytest.raises(ConfigError, match="expected either --predictions or --photos"):
            EvaluateMiccConfig(tmp_path, tmp_path / "r.json", **options)


def test_the_five_points_are_means_of_the_68():
    points = np.arange(68.0)[:, None] * np.ones(3)
    assert five_points(points)[:, 0].tolist() == [38.5, 44.5, 30, 48, 54]
