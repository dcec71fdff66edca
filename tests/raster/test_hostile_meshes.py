"""Meshes as scanners and networks deliver them: none may crash, hang or spoil what is around it."""

import pytest
import torch
from torch.testing import assert_close

from monoface.raster import antialias, interpolate, rasterize

SIZE = (24, 31)


def sheet(rng, side=20):
    """A wavy sheet larger than the picture, seen from its front."""
    y, x = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    depth = 100 + 3 * torch.rand(side, side, generator=rng)
    verts = torch.stack((x * 2.1 - 4.3, y * 1.7 - 4.1, depth), dim=-1).reshape(1, -1, 3)
    corner = (torch.arange(side - 1)[:, None] * side + torch.arange(side - 1)).flatten()
    upper = torch.stack((corner, corner + side, corner + 1), dim=1)
    lower = torch.stack((corner + 1, corner + side, corner + side + 1), dim=1)
    return verts, torch.cat((upper, lower))


def draw(verts, faces):
    leaf = verts.clone().requires_grad_()
    fragments = rasterize(leaf, faces, SIZE)
    image = antialias(interpolate(leaf, faces, fragments), leaf, faces, fragments)
    image[..., 2].sum().backward()
    return fragments, image.detach(), leaf.grad


def needles(verts, faces, rng):
    verts[:, ::7, :2] += 300 * (torch.rand(1, len(verts[0, ::7]), 2, generator=rng) - 0.5)
    return verts, faces


def holes(verts, faces, rng):
    return verts, faces[torch.rand(len(faces), generator=rng) > 0.3]


def flipped(verts, faces, rng):
    some = torch.rand(len(faces), generator=rng) < 0.3
    faces[some] = faces[some].flip(1)
    return verts, faces


def doubled(verts, faces, rng):
    return verts, torch.cat((faces, faces[:200], faces[:50].flip(1)))


def collapsed(verts, faces, rng):
    faces[::3, 1] = faces[::3, 0]
    verts[:, 100:140] = verts[:, 100:101]
    return verts, faces


def huge(verts, faces, rng):
    verts[:, ::50] *= 1e5
    verts[:, 7::50] *= 1e12
    return verts, faces


def lost(verts, faces, rng):
    verts[:, ::11] = torch.nan
    verts[:, 5::11, 0] = torch.inf
    verts[:, 6::11, 2] = -torch.inf
    return verts, faces


@pytest.mark.parametrize("spoil", [needles, holes, flipped, doubled, collapsed, huge, lost])
def test_pictures_and_gradients_stay_finite(spoil, rng):
    verts, faces = spoil(*sheet(rng), rng)
    fragments, image, grad = draw(verts, faces)
    assert fragments.mask.any()
    for values in (fragments.barycentric, fragments.depth, image, grad):
        assert values.isfinite().all()
    assert (fragments.barycentric >= 0).all()
    # The picture of finite vertices never leaves their range.
    seen = verts[0, faces[fragments.face_index[fragments.mask]], 2]
    assert image[..., 2].max() <= seen.max() * 1.0001


def test_one_lost_vertex_spoils_only_its_triangles(rng):
    verts, faces = sheet(rng)
    whole = draw(verts, faces)[0]
    verts[:, 210] = torch.nan
    spoilt = draw(verts, faces)[0]
    around = (faces == 210).any(dim=1)
    unlike = whole.face_index != spoilt.face_index
    assert unlike.any()
    assert around[whole.face_index[unlike]].all()
    assert_close(whole.depth[~unlike], spoilt.depth[~unlike])
