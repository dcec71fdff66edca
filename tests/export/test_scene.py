from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from monoface.core.errors import MonofaceError
from monoface.export import (
    ExportError,
    EyeNode,
    Material,
    MeshPart,
    OrthographicCameraNode,
    PerspectiveCameraNode,
)

TRIANGLE = np.array(((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
QUARTER_TURN_LEFT = np.array(((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)))


def triangle(**changes):
    part = {"verts_mm": TRIANGLE, "faces": np.array([[0, 1, 2]]), "uv": TRIANGLE[:, :2]}
    return MeshPart(**({"name": "skin", "material": "skin"} | part | changes))


def test_posed_vertices_are_neutral_plus_weighted_offsets(head):
    skin = head.parts[0]
    expected = skin.verts_mm + 0.5 * skin.morphs_mm["jawOpen"] + 1.0 * skin.morphs_mm["eyeBlinkRight"]
    assert_allclose(head.posed_verts_mm(skin), expected, atol=1e-4)


def test_a_posed_eye_turns_about_its_pivot_towards_the_gaze(head):
    eye = head.parts[2]
    pupil = np.argmax(eye.verts_mm[:, 2])
    turned = replace(head, eyes=(EyeNode("eye_left", head.eyes[0].pivot_mm, QUARTER_TURN_LEFT),))
    posed = turned.posed_verts_mm(eye)
    assert_allclose(posed[pupil], (44.0, 25.0, 70.0), atol=1e-5)
    assert_allclose(np.linalg.norm(posed - head.eyes[0].pivot_mm, axis=1), 12.0, rtol=1e-6)


def test_posing_changes_no_input(head):
    before = [part.verts_mm.copy() for part in head.parts]
    for part in head.parts:
        head.posed_verts_mm(part)
    for part, verts in zip(head.parts, before, strict=True):
        assert_allclose(part.verts_mm, verts, rtol=0, atol=0)


def test_computed_normals_point_outwards_and_agree_across_the_seam(head):
    skin = head.parts[0]
    normals = skin.neutral_normals()
    outwards = skin.verts_mm / np.linalg.norm(skin.verts_mm, axis=1, keepdims=True)
    assert np.einsum("vc,vc->v", normals, outwards).min() > 0.98
    assert_allclose(normals[-3:], normals[:3])


def test_given_normals_are_used_made_unit_and_forward_where_there_is_none():
    part = triangle(normals=np.array(((0.0, 2.0, 0.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0))))
    assert_allclose(part.neutral_normals(), ((0, 1, 0), (0, 0, 1), (1, 0, 0)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"faces": np.array([[0, 1, 3]])}, r"part skin: expected faces in 0\.\.2"),
        ({"weld": np.array([0, 1, -1])}, r"expected weld in 0\.\.2"),
        ({"faces": np.zeros((0, 3), dtype=int)}, "expected vertices and triangles, got none"),
        ({"verts_mm": TRIANGLE + np.nan}, "expected finite numbers in verts_mm"),
        ({"morphs_mm": {"jawOpen": TRIANGLE + np.inf}}, "expected finite numbers in jawOpen"),
    ],
)
def test_parts_that_contradict_themselves_are_refused(changes, message):
    with pytest.raises(ExportError, match=message):
        triangle(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": ()}, "expected at least one part"),
        ({"parts": (triangle(), triangle())}, "expected each part name once, got 'skin' twice"),
        ({"materials": (Material("skin"), Material("skin"))}, "expected each material name once"),
        ({"materials": (Material("skin"),)}, "material 'teeth' is named but not given"),
        (
            {"morph_names": ("jawOpen",), "morph_weights": np.ones(1)},
            "morph 'eyeBlinkRight' is named but not",
        ),
        ({"morph_weights": np.ones(2)}, "expected 3 morph weights, got 2"),
        ({"morph_weights": np.array((0, np.nan, 0))}, "expected finite morph weights"),
        ({"eyes": (EyeNode("eye_right", np.zeros(3), np.eye(3)),)}, "eye 'eye_right' is named but not given"),
    ],
)
def test_heads_whose_pieces_do_not_fit_are_refused(head, changes, message):
    with pytest.raises(ExportError, match=message):
        replace(head, **changes)


@pytest.mark.parametrize("camera", [OrthographicCameraNode, PerspectiveCameraNode])
def test_cameras_that_cannot_see_are_refused(camera):
    with pytest.raises(ExportError, match="expected a positive scale and size, got 0"):
        camera(np.eye(4), 0.0, (1.0, 1.0), (2, 2))
    with pytest.raises(ExportError, match="expected a positive scale and size"):
        camera(np.eye(4), 1.0, (1.0, 1.0), (2, 0))
    with pytest.raises(ExportError, match="camera: expected a rotation matrix"):
        camera(np.diag((1.0, 1.0, -1.0, 1.0)), 1.0, (1.0, 1.0), (2, 2))
    with pytest.raises(ExportError, match="last row 0 0 0 1"):
        camera(np.diag((1.0, 1.0, 1.0, 2.0)), 1.0, (1.0, 1.0), (2, 2))


@pytest.mark.parametrize("rotation", [2 * np.eye(3), np.diag((-1.0, 1.0, 1.0)), np.full((3, 3), np.nan)])
def test_eyes_turn_by_rotations_only(rotation):
    with pytest.raises(ExportError, match="eye eye_left: expected a rotation matrix"):
        EyeNode("eye_left", np.zeros(3), rotation)


def test_export_errors_are_errors_of_monoface():
    assert issubclass(ExportError, MonofaceError)
