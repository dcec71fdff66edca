"""Synthetic heads: landmarks lie where heads are drawn, crops are framed, and seeds decide everything."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX
from monoface.data.synthetic import heads as synthetic
from monoface.data.synthetic.framing import framed, framing_camera, weak_camera_of
from monoface.data.synthetic.head_expressions import mirrored_names, sample_expressions
from monoface.data.synthetic.heads import HeadsConfig, heads_pack, sample_coefficients
from monoface.facemodel import CoefficientLayout, FaceModel, LandmarkSet
from monoface.facemodel.fitting import project_points
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix
from monoface.shading import sh_basis

# Far off, where perspective is weak.
FAR = (2000.0, 2000.0)
CONFIG = HeadsConfig(count=3, max_yaw_deg=50, marks=0, focal_per_size=FAR, seed=4)
MARGIN_PX = (CANVAS_PX - FACE_PX) / 2
NOSE_TIP = 30


def no_photos():
    return np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8)


def projected(head, pack, name="ibug68"):
    """Where a pack's coefficients put landmarks, in pixels of its canvases."""
    coefficients, camera = CoefficientLayout.of(head).decode(torch.from_numpy(pack.outputs), FACE_PX)
    return project_points(head.subset(head.landmarks(name)), coefficients, camera) + MARGIN_PX


@pytest.fixture(scope="module")
def heads(head):
    return heads_pack(head, no_photos(), CONFIG)


def test_a_pack_holds_as_many_heads_as_asked(head, heads):
    assert heads.name == "heads"
    assert heads.canvases.shape == (3, CANVAS_PX, CANVAS_PX, 3)
    assert heads.canvases.dtype == np.uint8
    assert heads.outputs.shape == (3, CoefficientLayout.of(head).size)
    assert np.isfinite(heads.outputs).all()
    assert heads.points_px == {}


def test_crops_frame_the_68_points(head, heads):
    points = projected(head, heads)
    extent = points.amax(dim=1) - points.amin(dim=1)
    assert_close(extent.amax(dim=1), torch.full((3,), FACE_PX / math.sqrt(2)), rtol=1e-4, atol=1e-3)
    centres = (points.amax(dim=1) + points.amin(dim=1)) / 2
    assert_close(centres, torch.full((3, 2), CANVAS_PX / 2), rtol=1e-4, atol=1e-2)


def test_a_dot_at_the_nose_is_drawn_where_the_outputs_put_it(head, monkeypatch):
    points = head.landmarks("ibug68")
    nose = points.index[NOSE_TIP, :1]
    albedo = torch.full_like(head.albedo_mean, 1e-3)
    albedo[nose] = 0.9
    sets = dict(head.data.landmarks) | {"nose": LandmarkSet.from_vertices(nose.numpy())}
    dotted = FaceModel(
        dataclasses.replace(
            head.data, albedo_mean=albedo, albedo_basis=torch.zeros(1, *albedo.shape), landmarks=sets
        )
    )
    even = torch.zeros(9, 3)
    even[0] = 1.0 / 0.282095
    monkeypatch.setattr(synthetic, "sample_light", lambda rng: even)
    monkeypatch.setattr(
        synthetic, "sample_background", lambda photos, rng: np.zeros((CANVAS_PX, CANVAS_PX, 3), np.float32)
    )
    pack = heads_pack(dotted, no_photos(), dataclasses.replace(CONFIG, max_yaw_deg=30))
    expected = projected(dotted, pack, "nose")[:, 0].numpy()
    # Colour is linear between vertices: the brightest pixel is the one at the dot.
    brightness = pack.canvases.sum(axis=-1, dtype=np.int64).reshape(len(pack), -1)
    rows, columns = np.divmod(brightness.argmax(axis=1), CANVAS_PX)
    found = np.stack((columns, rows), axis=1) + 0.5
    assert brightness.max() > 500
    assert np.abs(found - expected).max() < 1.1


def test_heads_cover_their_inner_points(head):
    """Every point that faces the viewer at small yaw lies on the head's opaque part."""
    config = HeadsConfig(count=4, max_yaw_deg=20, pitch_deg=3, seed=1)
    coefficients = sample_coefficients(head, 4, np.random.default_rng(2), config)
    camera = framing_camera(head, coefficients)
    masks = synthetic.render_heads(head, coefficients, camera).opacity
    points = project_points(head.subset(head.landmarks("ibug68")), coefficients, camera)[:, 17:]
    columns, rows = points.long().unbind(dim=-1)
    assert masks.min() == 0
    assert masks.max() == 1
    for mask, row, column in zip(masks, rows.numpy(), columns.numpy(), strict=True):
        assert (mask[row, column] == 1).all()


def test_equal_seeds_give_equal_heads(head, heads):
    again = heads_pack(head, no_photos(), CONFIG)
    np.testing.assert_array_equal(again.canvases, heads.canvases)
    np.testing.assert_array_equal(again.outputs, heads.outputs)
    other = heads_pack(head, no_photos(), dataclasses.replace(CONFIG, seed=5))
    assert (other.outputs != heads.outputs).any()


def test_heads_carry_the_points_that_are_asked_for(head):
    sets = ("ibug68_reannotated", "facemesh468", "absent")
    config = dataclasses.replace(CONFIG, point_sets=sets, count=3, focal_per_size=(400.0, 400.0))
    pack = heads_pack(head, no_photos(), config)
    assert pack.points_px.keys() == {"ibug68_reannotated", "facemesh468"}
    coefficients, camera = CoefficientLayout.of(head).decode(torch.from_numpy(pack.outputs), FACE_PX)
    margin = (CANVAS_PX - FACE_PX) / 2
    for name, found in pack.points_px.items():
        # Seen from far off, as under weak perspective.
        expected = project_points(head.subset(head.landmarks(name)), coefficients, camera) + margin
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=0.3)


def test_photos_are_put_behind_heads(head):
    red = np.zeros((2, CANVAS_PX, CANVAS_PX, 3), np.uint8)
    red[..., 0] = 200
    pack = heads_pack(head, red, dataclasses.replace(CONFIG, count=8))
    corners = pack.canvases[:, :3, :3].reshape(8, -1, 3)
    assert (corners == (200, 0, 0)).all(axis=(1, 2)).any()


def test_expressions_are_few_and_within_their_range():
    names = tuple(f"{base}{side}" for base in "abcdefghij" for side in ("Left", "Right"))
    weights = sample_expressions(names, 2000, np.random.default_rng(0), active=4.0)
    assert weights.dtype == np.float32
    assert weights.min() == 0
    assert 0.9 < weights.max() <= 1
    # A pair is active when one of its sides is drawn, in three of four faces on both.
    single = 4.0 / 20
    expected = 20 * (0.25 * single + 0.75 * (1 - (1 - single) ** 2))
    assert (weights > 0).sum(axis=1).mean() == pytest.approx(expected, rel=0.05)


def test_partners_of_expressions():
    assert mirrored_names(("jawOpen", "smileLeft", "smileRight", "winkLeft")) == [0, 2, 1, 3]


def test_three_of_four_faces_do_nearly_the_same_on_both_sides():
    names = ("mouthSmileLeft", "jawOpen", "mouthSmileRight")
    weights = sample_expressions(names, 2000, np.random.default_rng(0), active=2.0)
    partner = weights[:, mirrored_names(names)]
    active = (weights[:, 0] > 0) & (partner[:, 0] > 0)
    ratio = weights[active, 0] / partner[active, 0]
    alike = (ratio >= 0.79) & (ratio <= 1.26)
    one_sided = (weights[:, 0] > 0) ^ (partner[:, 0] > 0)
    assert alike.mean() > 0.75
    # A quarter of the faces are drawn side by side: 2 * 2/3 * 1/3 of them are one-sided.
    assert one_sided.mean() == pytest.approx(0.25 * 4 / 9, abs=0.03)


def test_light_is_a_positive_sky_that_is_brighter_in_front_and_above():
    rng = np.random.default_rng(0)
    lights = torch.stack([synthetic.sample_light(rng) for _ in range(200)])
    assert (lights[:, 0] > 0).all()
    directions = torch.nn.functional.normalize(
        torch.randn(500, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    radiance = torch.einsum("dk,lkc->ldc", sh_basis(directions), lights)
    assert (radiance.mean(dim=(1, 2)) > 0).all()
    mean = lights.mean(dim=(0, 2))
    up, front = sh_basis(torch.tensor([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])) @ mean
    down, behind = sh_basis(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])) @ mean
    assert up > down
    assert front > behind


def test_yaws_fill_their_range(head):
    coefficients = sample_coefficients(head, 300, np.random.default_rng(0), HeadsConfig(max_yaw_deg=80))
    yaw, pitch, _ = head_angles_from_matrix(camera_to_head(coefficients.rotation))
    yaw_deg, pitch_deg = torch.rad2deg(yaw), torch.rad2deg(pitch)
    assert yaw_deg.abs().max() <= 80.001
    assert yaw_deg.min() < -70
    assert yaw_deg.max() > 70
    assert pitch_deg.std().item() == pytest.approx(14, rel=0.15)


def test_near_heads_keep_their_pose_and_are_framed(head):
    near = dataclasses.replace(CONFIG, focal_per_size=(3.5, 4.0), pitch_deg=0, roll_deg=0)
    pack = heads_pack(head, no_photos(), near)
    points = projected(head, pack)
    extent = (points.amax(dim=1) - points.amin(dim=1)).amax(dim=1)
    # Weak perspective cannot show them quite as they were drawn.
    assert_close(extent, torch.full((3,), FACE_PX / math.sqrt(2)), rtol=0.12, atol=0)
    assert_close(points.mean(dim=1), torch.full((3, 2), CANVAS_PX / 2), rtol=0, atol=16.0)
    turned, _ = CoefficientLayout.of(head).decode(torch.from_numpy(pack.outputs), FACE_PX)
    drawn = sample_coefficients(head, 3, np.random.default_rng((near.seed, 77)), near)
    assert_close(turned.rotation, drawn.rotation, rtol=0, atol=1e-5)
    assert pack.synthetic


def test_the_weak_camera_is_the_pinhole_s_limit(head):
    coefficients = sample_coefficients(head, 2, np.random.default_rng(0), CONFIG)
    placed, camera = framed(head, coefficients, torch.full((2,), 3000.0 * FACE_PX), FACE_PX)
    weak = weak_camera_of(head, placed, camera)
    points = head.subset(head.landmarks("ibug68"))
    assert_close(
        project_points(points, placed, weak), project_points(points, placed, camera), rtol=0, atol=0.02
    )


def test_marks_change_the_albedo_about_as_much_as_asked(head):
    coefficients = sample_coefficients(head, 40, np.random.default_rng(0), CONFIG)
    plain = head.albedo(coefficients.albedo)
    assert_close(synthetic.sample_albedo(head, coefficients, np.random.default_rng(1), CONFIG), plain)
    marked = dataclasses.replace(CONFIG, marks=0.1)
    albedo = synthetic.sample_albedo(head, coefficients, np.random.default_rng(1), marked)
    change = (albedo / plain).log()[:, head.data.regions["face"]]
    assert 0.03 < change.std() < 0.5
    assert change.mean().abs() < 0.1
    again = synthetic.sample_albedo(head, coefficients, np.random.default_rng(1), marked)
    assert torch.equal(again, albedo)


@pytest.mark.parametrize(
    "wrong", [{"focal_per_size": (0.5, 2.0)}, {"focal_per_size": (9.0, 5.0)}, {"marks": -1}]
)
def test_impossible_heads_are_refused(wrong):
    with pytest.raises(ConfigError, match="heads: expected a range of focal lengths"):
        HeadsConfig(**wrong)
