"""Landmark sets by turns of fitting and moving: points that were moved are found again, depth included."""

import dataclasses

import numpy as np
import pytest
import torch
from synthetic_head import synthetic_head_data

from monoface.core.errors import ConfigError, DataError
from monoface.data.labelling.pseudo_labels import TEACHER_SET
from monoface.data.packs.photo_pack import FACE_PX
from monoface.detection.teacher import FaceMeshTeacher
from monoface.facemodel import CoefficientLayout, FaceModel, LandmarkSet
from monoface.facemodel.fitting import project_points
from monoface.geometry.rotations import head_matrix_from_angles, matrix_to_6d
from monoface.modelling.landmarks import calibrate
from monoface.modelling.landmarks.calibrate import CalibrateConfig, calibrate_default_sets
from monoface.networks import Regressor, RegressorConfig, RegressorInfo, ResNetConfig, save_regressor

PHOTOS = 16


class ToldTeacher(FaceMeshTeacher):
    """Loads no network; what it marks is told elsewhere."""

    def __init__(self, config):
        self.config = config


@pytest.fixture(scope="module")
def head():
    """The synthetic head, with the one more region that calibration asks for."""
    data = synthetic_head_data()
    return FaceModel(dataclasses.replace(data, regions=dict(data.regions) | {"skin": data.regions["face"]}))


@pytest.fixture(scope="module")
def truth(head):
    """What annotators mean: vertices near the points of the model's sets, not the points themselves."""
    front = head.data.regions["face"].nonzero()[:, 0]

    def nearest(points):
        places = points.points(head.mean_mm[None])[0]
        return LandmarkSet.from_vertices(front[torch.cdist(places, head.mean_mm[front]).argmin(1)].numpy())

    ibug68 = nearest(head.landmarks("ibug68"))
    teacher = nearest(head.landmarks(TEACHER_SET))
    # Marks of the teacher at eyes, nose and mouth, and AFLW's points, are where the 68 are.
    teacher.index[list(calibrate._INNER_OF_TEACHER)] = ibug68.index[17:]
    aflw21 = ibug68.grouped(calibrate._AFLW_GROUPS)
    return {"ibug68": ibug68, "aflw21": aflw21, TEACHER_SET: teacher}


@pytest.fixture(scope="module")
def outputs(head):
    """Heads of different shape, of all yaws up to 75 degrees."""
    rng = torch.Generator().manual_seed(1)
    layout = CoefficientLayout.of(head)
    outputs = torch.zeros(PHOTOS, layout.size)
    outputs[:, : layout.identity] = 0.5 * torch.randn(PHOTOS, layout.identity, generator=rng)
    yaw = torch.deg2rad(torch.linspace(-75, 75, PHOTOS))
    pitch, roll = 0.2 * torch.randn(2, PHOTOS, generator=rng)
    turned = matrix_to_6d(head_matrix_from_angles(yaw, pitch, roll))
    outputs[:, -9:-3] = turned - torch.tensor([1.0, 0, 0, 0, 1, 0])
    outputs[:, -3] = -0.3
    return outputs


def annotated(head, points, outputs):
    located = CoefficientLayout.of(head).decode(outputs, FACE_PX)
    return project_points(head.subset(points), *located)


def distance_mm(head, first, second):
    one, two = (points.points(head.mean_mm[None])[0] for points in (first, second))
    return (one - two).norm(dim=-1)


def config(folder, **changes):
    return CalibrateConfig(folder, **({"rounds": 3, "max_error_percent": 8.0} | changes))


def test_points_that_were_moved_are_found_with_their_depth(head, truth, outputs, tmp_path):
    start, lines = head.landmarks("ibug68"), []
    points_px = annotated(head, truth["ibug68"], outputs)
    found = calibrate._alternate(head, start, points_px, config(tmp_path), lines.append, "ibug68")
    before = distance_mm(head, start, truth["ibug68"])
    after = distance_mm(head, found, truth["ibug68"])
    assert before.mean() > 4
    assert after.mean() < before.mean() / 3
    depth_before, depth_after = (
        (points.points(head.mean_mm[None]) - truth["ibug68"].points(head.mean_mm[None]))[0, :, 2].abs()
        for points in (start, found)
    )
    assert depth_after.mean() < depth_before.mean() / 2
    assert len(lines) == 3
    assert all(line.startswith("ibug68: ") and line.endswith(f"on {PHOTOS} photos") for line in lines)
    remaining = [float(line.split()[1]) for line in lines]
    assert remaining[-1] < remaining[0]


@pytest.fixture
def sources(head, truth, outputs, monkeypatch):
    """Sources and a teacher that say the truth, without pictures."""
    crops = [np.zeros((FACE_PX, FACE_PX, 3), np.uint8)] * PHOTOS
    points = {name: annotated(head, one, outputs) for name, one in truth.items()}
    people = {"ibug68": points["ibug68"], "ibug68_reannotated": points["ibug68"]}
    faked = {
        "_aflw2000_photos": people,
        "_aflw_photos": {"aflw21": points["aflw21"]},
        "_ytf_photos": {"ibug68_contour": points["ibug68"]},
    }
    for name, points_px in faked.items():
        photos = calibrate._Annotated(crops, points_px)
        monkeypatch.setattr(calibrate, name, lambda config, photos=photos: photos)
    marks = points[TEACHER_SET].numpy()
    score = np.ones(PHOTOS, np.float32)
    monkeypatch.setattr(calibrate, "mark_photos", lambda crops, teacher: (marks, score))
    monkeypatch.setattr(calibrate, "FaceMeshTeacher", ToldTeacher)
    return faked


@pytest.mark.usefixtures("sources")
def test_all_sets_are_found_and_the_rest_of_the_model_stays(head, truth, tmp_path):
    lines = []
    found = calibrate_default_sets(head.data, config(tmp_path, rounds=2), lines.append)
    meant = truth | {"ibug68_reannotated": truth["ibug68"], "ibug68_contour": truth["ibug68"]}
    assert found.landmarks.keys() == head.data.landmarks.keys()
    for name, points in meant.items():
        distance = distance_mm(head, found.landmarks[name], points)
        assert distance.median() < 2.5, name
    assert {line.split(":")[0] for line in lines} == {"ibug68", "ibug68_reannotated", "aflw21", TEACHER_SET}
    assert found.mean_mm is head.data.mean_mm
    # The model that was given keeps its sets.
    assert head.data.landmarks["ibug68"] is synthetic_head_data().landmarks["ibug68"]


def test_a_model_without_a_set_to_begin_with_is_refused(head, tmp_path):
    bare = dataclasses.replace(head.data, landmarks={"aflw21": head.landmarks("aflw21")})
    with pytest.raises(ConfigError, match=r"ibug68 or ibug68_source to begin with, got \['aflw21'\]"):
        calibrate_default_sets(bare, config(tmp_path), print)


def test_photos_of_which_none_fits_are_refused(head, tmp_path):
    scattered = FACE_PX * torch.rand(5, 68, 2, generator=torch.Generator().manual_seed(0))
    with pytest.raises(DataError, match="fit within 3 %, found none of 5"):
        calibrate._fit(head, head.landmarks("ibug68"), scattered, config(tmp_path, max_error_percent=3.0))


@pytest.mark.parametrize("wrong", [{"photos": 9}, {"rounds": 0}])
def test_impossible_configurations_are_refused(wrong, tmp_path):
    with pytest.raises(ConfigError, match="expected 10 photos and a round or more"):
        CalibrateConfig(tmp_path, **wrong)


def write_weights(head, path, space):
    torch.manual_seed(0)
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)
    layout = CoefficientLayout.of(head)
    regressor = Regressor(RegressorConfig(layout.size, FACE_PX, backbone)).eval()
    save_regressor(regressor, RegressorInfo("pretrain", space, layout.identity, layout.expression), path)
    return path


def test_a_regressor_locates_faces_in_crops(head, tmp_path):
    weights = write_weights(head, tmp_path / "w.safetensors", head.coefficient_space)
    crops = np.random.default_rng(0).integers(0, 256, (3, FACE_PX, FACE_PX, 3), dtype=np.uint8)
    located = calibrate._locate_by_regressor(head, calibrate._Annotated(list(crops), {}), weights)
    assert located.rows.tolist() == [0, 1, 2]
    assert located.coefficients.identity.shape == (3, head.identity_size)
    # An untrained network says: a mean face in the middle of the crop.
    assert (located.camera.principal_px - FACE_PX / 2).abs().max() == 0
    assert located.coefficients.translation_mm[:, :2].abs().max() < 5


def test_weights_of_another_face_model_are_refused(head, tmp_path):
    weights = write_weights(head, tmp_path / "w.safetensors", "elsewhere")
    with pytest.raises(ConfigError, match=r"expected coefficients of the space \w+, got elsewhere"):
        calibrate._locate_by_regressor(head, calibrate._Annotated([], {}), weights)


def test_photos_are_read_into_crops_with_their_points(data_dir):
    few = CalibrateConfig(data_dir, photos=10)
    for photos, name, count in (
        (calibrate._aflw2000_photos(few), "ibug68", 10),
        (calibrate._aflw_photos(few), "aflw21", 20),
        (calibrate._ytf_photos(few), "ibug68_contour", 10),
    ):
        assert len(photos.crops) == len(photos.points_px[name]) == count
        assert all(crop.shape == (FACE_PX, FACE_PX, 3) for crop in photos.crops)
        inside = photos.points_px[name][photos.points_px[name].isfinite().all(-1)]
        assert inside.min() > -0.2 * FACE_PX
        assert inside.max() < 1.2 * FACE_PX
