"""Heads and fitted faces with known classes, on the synthetic head and the shipped model."""

import numpy as np
import pytest
import torch

from monoface.core.errors import ConfigError
from monoface.data.labelling.mesh_classes import MeshClasses
from monoface.data.packs.parsing_pack import UNKNOWN
from monoface.data.packs.photo_pack import CANVAS_PX
from monoface.data.synthetic.heads import HeadsConfig
from monoface.data.synthetic.parsing_heads import face_classes, parsing_heads
from monoface.facemodel import CoefficientLayout
from monoface.networks import PARSING_CLASSES, Regressor, RegressorConfig, ResNetConfig

BACKGROUND, SKIN, EYES = (PARSING_CLASSES.index(name) for name in ("background", "skin", "eyes"))
SMALL = ResNetConfig(blocks=(1, 1, 1, 1), width=0.125)


def no_photos():
    return np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8)


def test_triangles_have_the_class_of_their_part(head):
    classes = face_classes(head)
    parts = np.array(head.data.part_names)[head.data.face_part.numpy()]
    assert set(classes[parts == "eye_left"]) == set(classes[parts == "eye_right"]) == {EYES}
    assert SKIN in classes[parts == "skin"]
    assert EYES not in classes[parts == "skin"]


def test_heads_cover_the_middle_and_leave_the_corners(head):
    pack = parsing_heads(head, no_photos(), HeadsConfig(count=3, max_yaw_deg=20, pitch_deg=2, roll_deg=2))
    assert pack.canvases.shape == (3, CANVAS_PX, CANVAS_PX, 3)
    middle = slice(CANVAS_PX // 2 - 15, CANVAS_PX // 2 + 15)
    assert not (pack.masks[:, middle, middle] == BACKGROUND).any()
    assert (pack.masks[:, :8, :8] == BACKGROUND).all()
    assert (pack.masks == EYES).any(axis=(1, 2)).all()


def test_only_a_thin_edge_is_unknown(head):
    masks = parsing_heads(head, no_photos(), HeadsConfig(count=2, max_yaw_deg=20)).masks
    unknown = masks == UNKNOWN
    assert 0 < unknown.mean() < 0.05
    assert (masks != BACKGROUND)[unknown].all()


def test_equal_seeds_give_equal_packs(head):
    first, second = (parsing_heads(head, no_photos(), HeadsConfig(count=2, seed=5)) for _ in range(2))
    np.testing.assert_array_equal(first.masks, second.masks)
    np.testing.assert_array_equal(first.canvases, second.canvases)


def test_an_untrained_regressor_shows_the_mean_face_in_the_middle(head):
    torch.manual_seed(0)
    mesh = MeshClasses(head, Regressor(RegressorConfig(CoefficientLayout.of(head).size, 48, SMALL)).eval())
    classes, log_error = mesh(torch.rand(2, 3, 48, 48))
    assert log_error == pytest.approx(np.log(0.05), abs=1e-4)
    assert (classes[:, 28:34, 22:26] == SKIN).all()
    assert (classes == EYES).any()
    assert (classes[:, :3, :3] == UNKNOWN).all()
    np.testing.assert_allclose((classes == EYES)[0].mean(), (classes == EYES)[0, :, ::-1].mean())


def test_a_regressor_of_another_model_is_refused(head):
    with pytest.raises(ConfigError, match="outputs, got 12"):
        MeshClasses(head, Regressor(RegressorConfig(12, 48, SMALL)))
