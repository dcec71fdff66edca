"""Pseudo-labels: crops by the rule, and a teacher that is believed only where it agrees."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.data.labelling.pseudo_labels import (
    TEACHER_SET,
    LabelConfig,
    concatenate_sets,
    disagreement_percent,
    label_photos,
    recropped_outputs,
)
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX
from monoface.detection.teacher import FaceMeshes, FaceMeshTeacher
from monoface.facemodel import CoefficientLayout, LandmarkSet
from monoface.facemodel.fitting import LandmarkFit, project_points
from monoface.geometry.roi import roi_from_points

PHOTO_PX = 240


class ToldTeacher(FaceMeshTeacher):
    """Marks the points that it is told, and sees neither photos nor crops."""

    def __init__(self, points_px, score):
        self.meshes = FaceMeshes(
            np.concatenate((points_px, np.zeros_like(points_px[..., :1])), axis=-1), np.float32(score)
        )

    def mark(self, photos, crops):
        assert len(photos) == len(crops) == len(self.meshes)
        return self.meshes


@pytest.fixture(scope="module")
def pose(head):
    """Five faces in crops of `FACE_PX`; the last one looks far aside."""
    layout = CoefficientLayout.of(head)
    rng = torch.Generator().manual_seed(8)
    outputs = torch.zeros(5, layout.size)
    outputs[:, :4] = 0.5 * torch.randn(5, 4, generator=rng)
    outputs[:, -9:-3] = 0.1 * torch.randn(5, 6, generator=rng)
    # Scale -0.3; and about 70 degrees of yaw for the last face.
    outputs[:, -3] = -0.3
    outputs[4, -9:-3] = torch.tensor([-0.65, 0.0, 0.94, 0.0, 0.0, 0.0])
    return layout.decode(outputs, FACE_PX)


@pytest.fixture(scope="module")
def labelled(head, pose):
    """The second face's teacher is unsure, the third's is elsewhere, the fifth's is lost in profile."""
    zoom = PHOTO_PX / FACE_PX
    marks, annotated = (
        (zoom * project_points(head.subset(head.landmarks(name)), *pose)).numpy()
        for name in (TEACHER_SET, "aflw21")
    )
    marks[2] += 30
    marks[4] += 60
    images = [np.full((PHOTO_PX, PHOTO_PX, 3), 20 * number, np.uint8) for number in range(5)]
    teacher = ToldTeacher(marks, [0.9, 0.1, 0.9, 0.9, 0.9])
    return label_photos("told", images, {"aflw21": annotated}, head, teacher)


def test_teachers_are_believed_where_they_agree(labelled):
    assert labelled.good.tolist() == [True, False, False, True, False]


def test_faces_aside_are_fitted_to_annotated_points_alone(labelled):
    assert labelled.posed.tolist() == [False, False, False, False, True]


def test_fits_reach_the_landmarks_that_are_believed(labelled):
    assert (labelled.fit.error_percent[torch.from_numpy(labelled.good)] < 1).all()


def test_points_are_in_squares_of_the_face(labelled, head, pose):
    expected = project_points(head.subset(head.landmarks("aflw21")), *pose)
    assert_close(torch.from_numpy(labelled.points_px["aflw21"]), expected, rtol=0, atol=1e-3)


def test_a_stricter_configuration_believes_less(labelled, head):
    strict = LabelConfig(min_score=0.95)
    teacher = ToldTeacher(2 * labelled.points_px[TEACHER_SET], [0.9] * 5)
    annotated = {"aflw21": 2 * labelled.points_px["aflw21"]}
    assert not label_photos("told", labelled.images, annotated, head, teacher, strict).good.any()


def test_packs_hold_what_is_believed(labelled, head):
    pack = labelled.pack(head)
    assert pack.canvases.shape == (5, CANVAS_PX, CANVAS_PX, 3)
    assert np.isfinite(pack.outputs).all(axis=1).tolist() == [True, False, False, True, True]
    assert np.isfinite(pack.points_px[TEACHER_SET]).all(axis=(1, 2)).tolist() == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert np.isfinite(pack.points_px["aflw21"]).all()
    # The photo reaches to the middle of its canvas.
    assert pack.canvases[:, 80, 80, 0].tolist() == [0, 20, 40, 60, 80]


def test_coefficients_of_packs_project_on_to_their_landmarks(labelled, head):
    pack = labelled.pack(head)
    rows = np.flatnonzero(labelled.good)
    coefficients, camera = CoefficientLayout.of(head).decode(torch.from_numpy(pack.outputs[rows]), FACE_PX)
    projected = project_points(head.subset(head.landmarks(TEACHER_SET)), coefficients, camera)
    in_canvas = projected + (CANVAS_PX - FACE_PX) / 2
    distance = np.linalg.norm(in_canvas.numpy() - pack.points_px[TEACHER_SET][rows], axis=-1)
    assert distance.mean() < 1.0


def test_faces_lie_in_the_middle_of_their_crops(labelled, head):
    pack = labelled.pack(head)
    rows = np.flatnonzero(labelled.good)
    coefficients, camera = CoefficientLayout.of(head).decode(torch.from_numpy(pack.outputs[rows]), FACE_PX)
    boxes = roi_from_points(project_points(head.subset(head.landmarks("ibug68")), coefficients, camera))
    assert_close(boxes, torch.tensor([0.0, 0, FACE_PX, FACE_PX]).expand(len(rows), 4), rtol=0, atol=0.1)


def test_recropping_moves_projections_into_the_box(head, pose):
    box = torch.tensor([10.0, 20.0, 70.0, 80.0]).expand(5, 4)
    fit = LandmarkFit(*pose, torch.zeros(5, 26), torch.zeros(5), CoefficientLayout.of(head))
    coefficients, camera = CoefficientLayout.of(head).decode(recropped_outputs(fit, box), FACE_PX)
    basis = head.subset(head.landmarks("ibug68"))
    expected = (project_points(basis, *pose) - torch.tensor([10.0, 20.0])) * 2
    assert_close(project_points(basis, coefficients, camera), expected, rtol=0, atol=1e-2)


def test_disagreement_by_hand(labelled):
    marks, annotated = labelled.points_px[TEACHER_SET], labelled.points_px["aflw21"].copy()
    # The third teacher is 15 pixels off in x and y, of 120.
    percent = disagreement_percent(annotated, marks)
    assert percent[0] == pytest.approx(0, abs=0.1)
    assert percent[2] == pytest.approx(100 * 15 * 2**0.5 / 120, rel=1e-3)
    annotated[0, 8:] = np.nan
    assert np.isinf(disagreement_percent(annotated, marks)[0])


def test_sets_one_after_the_other(head):
    sets = [LandmarkSet.from_vertices(np.array([3, 4])), head.landmarks("aflw21")]
    both = concatenate_sets(sets)
    verts = head.mean_mm[None]
    assert_close(both.points(verts), torch.cat([one.points(verts) for one in sets], dim=1))
