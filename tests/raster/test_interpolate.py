import pytest
import torch
from torch.testing import assert_close

from monoface.raster import interpolate, rasterize


@pytest.fixture
def scene(random_mesh):
    verts, faces = random_mesh((10, 14))
    return verts, faces, rasterize(verts, faces, (10, 14), cull="none")


def test_depth_interpolates_to_depth(scene):
    verts, faces, fragments = scene
    depth = interpolate(verts[..., 2:], faces, fragments)[..., 0]
    assert_close(depth, fragments.depth)


def test_positions_interpolate_to_pixel_centres(scene):
    verts, faces, fragments = scene
    x, y = interpolate(verts, faces, fragments)[..., :2].unbind(dim=-1)
    columns, rows = torch.arange(14) + 0.5, torch.arange(10) + 0.5
    # Off by what rounding to the grid moves the vertices, which thin triangles enlarge.
    assert_close(x[fragments.mask], columns.expand_as(x)[fragments.mask], rtol=0, atol=5 / 256)
    assert_close(y[fragments.mask], rows[:, None].expand_as(y)[fragments.mask], rtol=0, atol=5 / 256)


def test_one_set_of_attributes_serves_the_batch(scene, rng):
    _, faces, fragments = scene
    attributes = torch.randn(1, 40, 5, generator=rng).requires_grad_()
    shared = interpolate(attributes, faces, fragments)
    assert_close(shared, interpolate(attributes.expand(3, -1, -1), faces, fragments))
    shared.sum().backward()
    assert_close(attributes.grad.sum(), 5 * fragments.mask.sum().float(), rtol=1e-4, atol=1e-3)


def test_attributes_may_have_faces_of_their_own(scene, rng):
    _, faces, fragments = scene
    corners = torch.randn(1, 3 * len(faces), 2, generator=rng)
    own = torch.arange(3 * len(faces)).reshape(-1, 3)
    first = interpolate(corners, own, fragments)
    flat = corners[0, own[fragments.face_index.clamp_min(0)]]
    assert_close(first, (flat * fragments.barycentric[..., None]).sum(dim=-2) * fragments.mask[..., None])


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (torch.zeros(2, 40, 3), "with a batch of 1 or 3, got torch.float32 with 2"),
        (torch.zeros(3, 40, 3).double(), "expected torch.float32"),
        (torch.zeros(3, 20, 3), "expected vertex indices from 0 to 19"),
    ],
)
def test_wrong_attributes_are_refused(scene, attributes, message):
    _, faces, fragments = scene
    with pytest.raises(ValueError, match=message):
        interpolate(attributes, faces, fragments)
