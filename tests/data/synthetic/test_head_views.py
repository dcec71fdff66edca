"""Heads in several cameras: framed, ordered by yaw, and every point of one colour in all views."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from view_packs import HEADS, drawn_views

from monoface.core.errors import ConfigError
from monoface.data.packs.view_pack import VIEW_CANVAS_PX, VIEW_FACE_PX, VIEWS
from monoface.data.synthetic.framing import framed
from monoface.data.synthetic.head_views import HeadViewsConfig, render_views
from monoface.facemodel import CoefficientLayout
from monoface.geometry.cameras import transform_points
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix
from monoface.render import Renderer


@pytest.fixture(scope="module")
def pack(head):
    return drawn_views(head)


def test_crops_frame_the_68_points_of_each_view(pack):
    points = pack.frames.points_px["ibug68"]
    low, high = points.min(axis=1), points.max(axis=1)
    np.testing.assert_allclose((low + high) / 2, VIEW_CANVAS_PX / 2, atol=0.3)
    np.testing.assert_allclose((high - low).max(axis=1), VIEW_FACE_PX / 2**0.5, rtol=2e-3)


def test_views_differ_in_yaw_as_configured_and_share_the_head(head, pack):
    coefficients, _ = CoefficientLayout.of(head).decode(torch.from_numpy(pack.frames.outputs), VIEW_FACE_PX)
    yaw, _, _ = head_angles_from_matrix(camera_to_head(coefficients.rotation))
    gaps = torch.rad2deg(yaw).unflatten(0, (-1, VIEWS)).diff(dim=1)
    # Tilts change yaw a little.
    assert gaps.min() > HEADS.gap_deg[0] - 4
    assert gaps.max() < HEADS.gap_deg[1] + 4
    for shared in (coefficients.identity, coefficients.expression):
        by_head = shared.unflatten(0, (-1, VIEWS))
        assert_close(by_head, by_head[:, :1].expand(-1, VIEWS, -1))
    assert (pack.gate == 2).all()


def test_vertices_have_one_colour_in_all_views(head):
    coefficients, _ = render_views(head, HEADS, np.random.default_rng(1))
    placed, camera = framed(head, coefficients, torch.full((3,), 21.0 * 64), 64)
    verts = head.shape(placed.identity, placed.expression)
    verts_camera = transform_points(placed.rotation, placed.translation_mm, verts)
    albedo = head.albedo(placed.albedo)
    drawn = Renderer(head.faces, (64, 64), head.weld, shading="vertex").render(
        camera, verts_camera, albedo, placed.light
    )
    # The same colours, drawn in the first view as albedo.
    again = Renderer(head.faces, (64, 64), head.weld).render(
        camera, verts_camera, _lit(head, placed, albedo)[:1]
    )
    assert_close(again.image, drawn.image, rtol=1e-3, atol=1e-3)


def _lit(head, placed, albedo):
    from monoface.geometry.triangles import vertex_normals
    from monoface.shading import shade

    verts = head.shape(placed.identity, placed.expression)
    verts_camera = transform_points(placed.rotation, placed.translation_mm, verts)
    return shade(albedo, vertex_normals(verts_camera, head.faces, head.weld), placed.light)


def test_heads_that_change_have_expressions_of_their_own_and_gate_0(head):
    changing = dataclasses.replace(HEADS, changing=1.0)
    coefficients, gate = render_views(head, changing, np.random.default_rng(1))
    assert gate == 0
    assert_close(coefficients.identity[0], coefficients.identity[2])
    assert not torch.equal(coefficients.light[0], coefficients.light[1])
    assert not torch.equal(coefficients.expression[0], coefficients.expression[1])


def test_a_nearer_camera_needs_a_shorter_focal_length(head):
    coefficients, _ = render_views(head, HEADS, np.random.default_rng(1))
    placed = [framed(head, coefficients, torch.full((3,), focal * 64.0), 64)[0] for focal in (3, 21)]
    near, far = (one.translation_mm[:, 2] for one in placed)
    assert_close(near * 7, far, rtol=0.1, atol=0)


@pytest.mark.parametrize("wrong", [{"gap_deg": (20.0, 10.0)}, {"changing": 1.5}])
def test_impossible_views_are_refused(wrong):
    with pytest.raises(ConfigError, match="views of heads"):
        HeadViewsConfig(**wrong)
