import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scan_folders import face_cap, rotation, write_obj

from monoface.core.errors import DataError
from monoface.evaluation.scans.facescape import PUPILS_MM, EvaluateFacescapeConfig, run
from monoface.evaluation.scans.facescape_protocol import compare_maps, rolled_surface, unroll


def cylinder(radius, half=120.0, columns=180, rows=60):
    angle, height = np.meshgrid(np.linspace(0, 2 * np.pi, columns + 1)[:-1], np.linspace(-half, half, rows))
    verts = np.stack((radius * np.sin(angle), height, radius * np.cos(angle)), -1).reshape(-1, 3)
    index = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(index, -1, axis=1)
    faces = np.concatenate(
        (
            np.stack((index[:-1], right[:-1], right[1:]), -1).reshape(-1, 3),
            np.stack((index[:-1], right[1:], index[1:]), -1).reshape(-1, 3),
        )
    )
    return verts, faces


def test_a_cylinder_unrolls_to_its_radius():
    unrolled = unroll(*cylinder(80.0))
    rows = np.abs(150 - np.arange(256) * 300 / 255) < 119
    inside = unrolled.hit[rows]
    # Only the seam behind the head is not covered.
    assert inside.mean() > 0.97
    # The chords of the prism's sides lie up to 0.012 mm within the cylinder.
    assert_allclose(unrolled.radius_mm[rows][inside], 80, atol=0.02)
    assert not unrolled.hit[~rows][3:-3].any() or unrolled.hit[~rows].mean() < 0.1


def test_cylinders_1_mm_apart_have_chamfer_distance_1():
    errors = compare_maps(unroll(*cylinder(80.0)), unroll(*cylinder(81.0)))
    assert_allclose(errors.chamfer_mm, 1, atol=0.02)
    assert errors.normal_angle_deg < 0.1
    assert errors.completeness_percent == 100
    same = compare_maps(unroll(*cylinder(80.0)), unroll(*cylinder(80.0)))
    assert same.chamfer_mm < 1e-9


def test_half_a_head_is_half_complete():
    verts, faces = cylinder(80.0)
    upper = faces[(verts[faces][..., 1] > 0).all(axis=1)]
    errors = compare_maps(unroll(verts, faces), unroll(verts, upper))
    assert_allclose(errors.completeness_percent, 50, atol=2)


def test_the_outermost_surface_counts():
    inner, faces = cylinder(60.0)
    outer, _ = cylinder(80.0)
    both = unroll(np.concatenate((inner, outer)), np.concatenate((faces, faces + len(inner))))
    assert both.radius_mm[128, 100] > 79


def test_jumps_end_a_surface():
    radius = np.full((256, 256), 80.0)
    radius[:, 128:] = 100
    whole = rolled_surface(np.full((256, 256), 80.0))
    assert len(whole.faces) - len(rolled_surface(radius).faces) == 2 * 255


@pytest.fixture
def wild(tmp_path):
    verts, faces, _ = face_cap()
    data = tmp_path / "facescape"
    turns = [rotation((0, 0.2, 0)), rotation((0, 0.8, 0))]
    (data / "predef").mkdir(parents=True)
    np.save(data / "predef" / "wild_head_centers.npy", np.zeros((2, 3)))
    np.save(data / "predef" / "wild_rotations.npy", np.stack(turns))
    np.save(data / "predef" / "wild_pupil_scales.npy", np.full(2, 150.0))
    for index, turn in enumerate(turns):
        placed = verts @ turn.T / 150
        write_obj(data / "wild_gt_mesh" / f"{index:03d}.obj", placed, faces)
        write_obj(tmp_path / "method" / f"{index:03d}.obj", placed + np.array((0, 0, 0.3)), faces)
    return data, tmp_path / "method"


def evaluate(folders, subset="wild"):
    data, predictions = folders
    return run(EvaluateFacescapeConfig(data, predictions, data / "r.json", subset=subset, overwrite=True))


def test_depth_does_not_count_in_the_wild_but_pose_does(wild):
    report = evaluate(wild)
    assert report.figures["all"]["chamfer_mm"] < 0.05
    assert list(report.figures) == ["all", "5-30", "30-60"]
    assert (wild[0] / "r.html").read_text().count("data:image/webp") == 2
    verts, faces, _ = face_cap()
    write_obj(wild[1] / "000.obj", verts @ rotation((0, 0.35, 0)).T / 150, faces)
    assert evaluate(wild).cases[0].errors["chamfer_mm"] > 1


def test_missing_meshes_are_failures(wild):
    (wild[1] / "001.obj").unlink()
    verts, faces, _ = face_cap()
    write_obj(wild[1] / "000.obj", verts / 150 + np.array((3, 0, 0)), faces)
    report = evaluate(wild)
    assert report.failures["001"] == "no mesh"
    assert "not seen in one place" in report.failures["000"]
    assert np.isnan(report.figures["all"]["chamfer_mm"])


def test_in_the_lab_the_mesh_is_scaled_about_the_camera(tmp_path):
    verts, faces, _ = face_cap()
    data, predictions = tmp_path / "lab", tmp_path / "method"
    (data / "predef").mkdir(parents=True)
    turn = np.diag([1.0, -1, -1])
    away = 800.0
    np.save(data / "predef" / "lab_head_centers.npy", np.tile([0, 0, away], (3, 1)))
    np.save(data / "predef" / "lab_rotations.npy", np.tile(turn, (11, 1, 1)))
    K = [[400.0, 0, 128], [0, 400, 128], [0, 0, 1]]
    Rt = np.column_stack((turn, [0, 0, away / PUPILS_MM])).tolist()
    write_obj(data / "lab_gt_mesh" / "00.obj", verts / PUPILS_MM, faces)
    (data / "lab_cam").mkdir()
    for light in range(3):
        for view in range(11):
            (data / "lab_cam" / f"00_{light}_{view:02d}.json").write_text(json.dumps([K, Rt]))
    placed = (verts @ turn.T + (0, 0, away)) / PUPILS_MM
    write_obj(predictions / "00_0_00.obj", 1.2 * placed, faces)
    report = evaluate((data, predictions), "lab")
    assert len(report.cases) == 33
    assert report.figures["all"]["chamfer_mm"] < 0.3
    assert len(report.failures) == 32


def test_data_must_be_there(tmp_path):
    with pytest.raises(DataError, match=r"wild_head_centers\.npy: expected an array of FaceScape's"):
        evaluate((tmp_path / "nowhere", tmp_path))
