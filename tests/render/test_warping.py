"""One view drawn from the pixels of another."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.raster import rasterize
from monoface.render import View, project, warp_source
from monoface.render.warping import warp_source_reference

DOUBLE = torch.float64
SIZE = (40, 50)
KINDS = {"pinhole": PerspectiveCamera, "weak": WeakPerspectiveCamera}
AWAY_MM = 600.0


def camera_of(kind, batch, dtype=DOUBLE):
    scale = 0.35 * AWAY_MM if kind == "pinhole" else 0.35
    principal = torch.tensor([SIZE[1] / 2, SIZE[0] / 2], dtype=dtype).expand(batch, 2)
    return KINDS[kind](scale * torch.linspace(0.95, 1.1, batch, dtype=dtype), principal)


def views_of(head, kind, rng, batch=2, dtype=DOUBLE):
    """A target and a source: the lumpy ball turned by up to half a radian, with pictures of noise."""
    verts, faces, _, _ = head
    # The fixture's front looks towards the camera already.
    views = []
    for _ in range(2):
        turn = matrix_from_axis_angle(0.25 * torch.randn(batch, 3, generator=rng, dtype=dtype))
        translation = torch.tensor([0.0, 0.0, AWAY_MM], dtype=dtype) + torch.randn(
            batch, 3, generator=rng, dtype=dtype
        )
        camera = camera_of(kind, batch, dtype)
        verts_px = project(camera, transform_points(turn, translation, verts.to(dtype).expand(batch, -1, -1)))
        depth = rasterize(verts_px, faces, SIZE, perspective=kind == "pinhole").depth
        image = torch.rand(batch, 3, *SIZE, generator=rng, dtype=dtype)
        views.append(View(image, depth, camera, turn, translation))
    return views


def test_a_view_warped_into_itself_is_itself(head, rng):
    target, _ = views_of(head, "weak", rng)
    warped = warp_source(target, target)
    shown = warped.covisible
    # Next to silhouettes nothing is sampled; rounding decides on which side the neighbours are.
    assert shown.sum() > 0.8 * (target.depth > 0).sum()
    assert_close(warped.image, torch.where(shown[:, None], target.image, 0.0), rtol=0, atol=1e-9)
    assert_close(warped.warped_mm[shown], target.depth[shown])
    assert_close(warped.sampled_mm[shown], target.depth[shown])


def test_a_shifted_picture_is_shifted_back(head, rng):
    target, _ = views_of(head, "weak", rng)
    camera = replace(target.camera, principal_px=target.camera.principal_px + torch.tensor([3.0, 2.0]))
    image, depth = (torch.roll(one, (2, 3), dims=(-2, -1)) for one in (target.image, target.depth))
    warped = warp_source(replace(target, image=image, depth=depth, camera=camera), target)
    assert warped.covisible[:, :-4, :-4].any()
    inner = torch.where(warped.covisible[:, None], target.image, 0.0)[..., :-4, :-4]
    assert_close(warped.image[..., :-4, :-4], inner, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_agrees_with_the_definition(head, rng, kind, dtype):
    target, source = views_of(head, kind, rng, batch=3, dtype=dtype)
    exact = dtype == DOUBLE
    results = []
    for warp in (warp_source, warp_source_reference):
        leaves = {
            name: [getattr(view, name).clone().requires_grad_() for view in (target, source)]
            for name in ("image", "depth", "rotation", "translation_mm")
        }
        moved = [
            replace(view, **{name: pair[k] for name, pair in leaves.items()})
            for k, view in enumerate((target, source))
        ]
        warped = warp(moved[1], moved[0])
        weights = torch.Generator().manual_seed(3)
        parts = warped.image, warped.warped_mm, warped.sampled_mm
        sum((torch.rand(one.shape, generator=weights) * one).sum() for one in parts).backward()
        grads = [leaf.grad for name, pair in leaves.items() for leaf in pair[name == "image" :]]
        results.append((warped, grads))
    (fused, fused_grads), (plain, plain_grads) = results
    assert 0.2 < fused.covisible.float().mean() < 0.9
    assert torch.equal(fused.covisible, plain.covisible)
    for one, other in zip(fields(fused), fields(plain), strict=True):
        assert_close(one, other, rtol=1e-9 if exact else 1e-3, atol=1e-9 if exact else 2e-3)
    for one, other in zip(fused_grads, plain_grads, strict=True):
        scale = float(other.abs().max())
        assert_close(one, other, rtol=0, atol=(1e-9 if exact else 2e-3) * scale)


def fields(warped):
    return warped.image, warped.warped_mm, warped.sampled_mm


def test_cameras_may_be_of_two_kinds(head, rng):
    target, source = views_of(head, "weak", rng)
    source = replace(source, camera=camera_of("pinhole", 2))
    for one, other in (
        (warp_source(source, target), warp_source_reference(source, target)),
        (warp_source(target, source), warp_source_reference(target, source)),
    ):
        assert torch.equal(one.covisible, other.covisible)
        assert_close(one.image, other.image)


def test_each_sample_is_on_its_own(head, rng):
    target, source = views_of(head, "weak", rng)
    whole = warp_source(source, target)
    alone = warp_source(*(row(view, slice(1, 2)) for view in (source, target)))
    assert torch.equal(whole.image[1:], alone.image)


def row(view, rows):
    camera = WeakPerspectiveCamera(view.camera.scale_px_per_mm[rows], view.camera.principal_px[rows])
    return View(view.image[rows], view.depth[rows], camera, view.rotation[rows], view.translation_mm[rows])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(rng, kind):
    """On smooth surfaces without a silhouette, whose depths differ by less than the tolerance."""

    def warp(image, depth_source, depth_target, angles, translation, scale):
        principal = torch.full((1, 2), 2.7, dtype=DOUBLE)
        camera = KINDS[kind](scale, principal)
        away = torch.tensor([0.0, 0.0, 100.0], dtype=DOUBLE)
        pose = matrix_from_axis_angle(angles), translation + away
        source = View(image, depth_source, camera, *pose)
        still = torch.eye(3, dtype=DOUBLE)[None], away[None]
        target = View(image, depth_target, KINDS[kind](still_scale, principal), *still)
        warped = warp_source(source, target, tolerance_mm=30.0)
        assert warped.covisible.any()
        return fields(warped)

    depths = [100 + torch.rand(1, 5, 6, generator=rng, dtype=DOUBLE) for _ in range(2)]
    scale = torch.full((1,), 100.0 if kind == "pinhole" else 1.0, dtype=DOUBLE)
    image = torch.rand(1, 2, 5, 6, generator=rng, dtype=DOUBLE)
    angles = torch.tensor([[0.03, 0.05, 0.02]], dtype=DOUBLE)
    translation = torch.tensor([[0.31, 0.17, 0.4]], dtype=DOUBLE)
    still_scale = scale.clone()
    leaves = [one.requires_grad_() for one in (image, *depths, angles, translation, scale)]
    assert torch.autograd.gradcheck(warp, leaves)
