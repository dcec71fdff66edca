"""Turned views: as many as asked, in the middle of their canvases, with coefficients that fit."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.data.labelling.pseudo_labels import LabelledPhotos
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX
from monoface.data.profiling.photo_turner import TurnConfig, turned_pack
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import LandmarkFit, project_points
from monoface.geometry.roi import roi_from_points
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix


@pytest.fixture(scope="module")
def photos(head):
    """Three photos of mean faces, the last one badly fitted."""
    layout = CoefficientLayout.of(head)
    outputs = torch.zeros(3, layout.size)
    outputs[1, -9:-3] = torch.tensor([-0.1, 0.0, 0.43, 0.0, 0.0, 0.0])
    coefficients, camera = layout.decode(outputs, FACE_PX)
    fit = LandmarkFit(coefficients, camera, outputs, torch.tensor([0.5, 0.5, 9.0]), layout)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (200, 200, 3), dtype=np.uint8) for _ in range(3)]
    return LabelledPhotos("three", images, {}, fit, np.array([True] * 3), np.array([False] * 3))


@pytest.fixture(scope="module")
def turned(head, photos):
    return turned_pack(photos, head, TurnConfig(views=2), seed=0)


def test_good_photos_are_turned_as_often_as_asked(turned):
    assert turned.name == "three_turned"
    assert turned.canvases.shape == (4, CANVAS_PX, CANVAS_PX, 3)
    assert np.isfinite(turned.outputs).all()


def test_turned_faces_fill_the_middle_of_their_canvases(head, turned):
    coefficients, camera = CoefficientLayout.of(head).decode(torch.from_numpy(turned.outputs), FACE_PX)
    boxes = roi_from_points(project_points(head.subset(head.landmarks("ibug68")), coefficients, camera))
    assert_close(boxes, torch.tensor([0.0, 0, FACE_PX, FACE_PX]).expand(4, 4), rtol=0, atol=0.1)


def test_yaws_are_within_their_range_and_go_on_to_the_same_side(head, photos, turned):
    def yaws(coefficients):
        return head_angles_from_matrix(camera_to_head(coefficients.rotation))[0]

    new = yaws(CoefficientLayout.of(head).decode(torch.from_numpy(turned.outputs), FACE_PX)[0])
    old = yaws(photos.fit.coefficients)
    assert (new.abs() >= math.radians(19)).all()
    assert (new[2:] * old[1] > 0).all()
    assert (new[2:].abs() >= old[1].abs() - 0.02).all()


def test_equal_seeds_give_equal_views(head, photos, turned):
    again = turned_pack(photos, head, TurnConfig(views=2), seed=0)
    np.testing.assert_array_equal(again.canvases, turned.canvases)
    np.testing.assert_array_equal(again.outputs, turned.outputs)


def test_photos_that_fit_badly_give_an_empty_pack(head, photos):
    none = dataclasses.replace(photos, good=np.array([False] * 3))
    pack = turned_pack(none, head, TurnConfig(), seed=0)
    assert len(pack) == 0
    assert pack.outputs.shape == (0, CoefficientLayout.of(head).size)
