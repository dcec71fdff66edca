import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from monoface.raster import antialias, interpolate, rasterize, use_backend
from monoface.raster._adjacency import edge_twins


def drawn(verts, faces, size, colours=None, cull="none"):
    """White triangles on black, antialiased; or vertex colours."""
    fragments = rasterize(verts, faces, size, cull=cull)
    image = fragments.mask[..., None].to(verts.dtype)
    if colours is not None:
        image = interpolate(colours, faces, fragments)
    return antialias(image, verts, faces, fragments)


def rectangle(left, top, right, bottom, depth=1.0):
    corners = ((left, top), (left, bottom), (right, bottom), (right, top))
    return torch.tensor([[(x, y, depth) for x, y in corners]], dtype=torch.float64)


HALVES = torch.tensor(((0, 1, 2), (0, 2, 3)))


@pytest.fixture(params=["numba", "reference"])
def backend(request):
    with use_backend(request.param):
        yield request.param


@pytest.mark.usefixtures("backend")
def test_upright_edges_cover_pixels_by_their_place():
    # A quarter of column 1 is covered, and three eighths of column 4.
    image = drawn(rectangle(1.75, -9, 4.375, 99), HALVES, (4, 7))[0, :, :, 0]
    assert_close(image, torch.tensor((0, 0.25, 1, 1, 0.375, 0, 0), dtype=torch.float64).expand(4, 7))
    image = drawn(rectangle(-9, 2.25, 99, 3.5), HALVES, (6, 3))[0, :, :, 0]
    assert_close(image, torch.tensor((0, 0, 0.75, 0.5, 0, 0), dtype=torch.float64)[:, None].expand(6, 3))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("angle", [0.1, 0.5, math.pi / 4, 1.2, 2.0, 3.0, 4.4])
def test_half_planes_cover_their_area(angle):
    # The closed form of a half-plane's area within a square, by its corners' distances.
    size, offset = (16, 16), 0.37
    direction = torch.tensor((math.cos(angle), math.sin(angle)), dtype=torch.float64)
    across = torch.stack((-direction[1], direction[0]))
    middle = torch.tensor((8.0, 8.0), dtype=torch.float64) + offset * direction
    far = 200.0
    corners = (
        -far * across,
        far * across,
        far * across - 2 * far * direction,
        -far * across - 2 * far * direction,
    )
    verts = torch.stack([torch.cat((middle + corner, torch.ones(1))) for corner in corners])[None].double()
    verts = (verts * 256).round() / 256
    image = drawn(verts, HALVES, size)[0, :, :, 0]
    exact = half_plane_areas(size, direction, float((middle * direction).sum()))
    # Exact in sum over each line across the edge, away from the picture's border; nearly so at each pixel.
    assert_close(image, exact, rtol=0, atol=0.13)
    axis = 1 if abs(direction[0]) >= abs(direction[1]) else 0
    lines = exact.sum(dim=axis)
    inner = ((lines > 1.5) & (lines < 14.5)).nonzero()
    assert len(inner) >= 8
    assert_close(image.sum(dim=axis)[inner], lines[inner], rtol=0, atol=0.02)


def half_plane_areas(size, direction, limit):
    """Shares of unit squares where the product with the direction is below the limit, by fine sampling."""
    count = 64
    fine = (torch.arange(16 * count, dtype=torch.float64) + 0.5) / count
    inside = (fine[None] * direction[0] + fine[:, None] * direction[1] < limit).double()
    return torch.nn.functional.avg_pool2d(inside[None], count)[0]


@pytest.mark.usefixtures("backend")
def test_edges_within_a_surface_are_left_alone(rng):
    # A fan about an inner point: every pixel's triangle differs from its neighbours'.
    turn = torch.arange(12) * (2 * math.pi / 12)
    ring = torch.stack((40 * turn.cos() + 4, 40 * turn.sin() + 4, torch.ones(12)), dim=-1)
    verts = torch.cat((torch.tensor(((4.2, 3.9, 1.0),)), ring))[None].double()
    faces = torch.tensor([(0, 1 + (k + 1) % 12, 1 + k) for k in range(12)])
    colours = torch.rand(1, 13, 2, generator=rng, dtype=torch.float64)
    fragments = rasterize(verts, faces, (8, 9), cull="none")
    assert fragments.face_index.unique().numel() > 6
    image = interpolate(colours, faces, fragments)
    assert torch.equal(antialias(image, verts, faces, fragments), image)


@pytest.mark.usefixtures("backend")
def test_silhouettes_of_triangles_without_a_pixel_are_found():
    # A strip of slivers, the last of which cover no pixel centre, ends at 3.8.
    x = torch.tensor((0.0, 2.6, 3.55, 3.6, 3.65, 3.7, 3.75, 3.8), dtype=torch.float64)
    top = torch.stack((x, torch.full_like(x, -5), torch.ones_like(x)), dim=-1)
    verts = torch.cat((top, top + torch.tensor((0.0, 20.0, 0.0))))[None]
    k = torch.arange(7)
    faces = torch.cat((torch.stack((k, k + 8, k + 9), dim=1), torch.stack((k, k + 9, k + 1), dim=1)))
    image = drawn(verts, faces, (5, 6))[0, :, :, 0]
    expected = torch.tensor((1, 1, 1, 205 / 256, 0, 0), dtype=torch.float64)
    assert_close(image, expected.expand(5, 6))


@pytest.mark.usefixtures("backend")
def test_the_nearer_of_two_silhouettes_counts():
    both = torch.cat((rectangle(-9, -9, 2.9, 99, 1.0), rectangle(2.0, -9, 99, 99, 5.0)), dim=1)
    faces = torch.cat((HALVES, HALVES + 4))
    colours = torch.tensor((1.0, 1, 1, 1, 0.5, 0.5, 0.5, 0.5), dtype=torch.float64)[None, :, None]
    image = drawn(both, faces, (3, 5), colours)[0, 1, :, 0]
    assert_close(image[1:4], torch.tensor((1, 1 * 0.8984375 + 0.5 * 0.1015625, 0.5), dtype=torch.float64))


@pytest.mark.usefixtures("backend")
def test_a_dot_takes_at_most_its_neighbours_mean():
    image = drawn(rectangle(3.4, 3.4, 3.6, 3.6), HALVES, (7, 7))[0, :, :, 0]
    assert image.min() >= 0
    assert image.max() <= 1
    assert image.sum() < 0.3


@pytest.mark.usefixtures("backend")
def test_gradients_across_a_silhouette_are_those_of_finite_differences(rng):
    # Steps of one grid unit from points on the grid; no edge passes a pixel centre within one.
    turn = torch.arange(6) * (math.pi / 3) + 0.2
    ring = torch.stack((3.1 * turn.cos() + 5, 2.2 * turn.sin() + 4, torch.ones(6)), dim=-1)
    verts = ((torch.cat((torch.tensor(((5.0, 4.0, 1.0),)), ring)) * 256).round() / 256)[None].double()
    faces = torch.tensor([(0, 1 + (k + 1) % 6, 1 + k) for k in range(6)])
    fragments = rasterize(verts, faces, (8, 11))
    image = torch.rand(1, 8, 11, 1, generator=rng, dtype=torch.float64)
    inputs = image.requires_grad_(), verts.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda i, v: antialias(i, v, faces, fragments), inputs, eps=2.0**-8, atol=2e-3, rtol=2e-2
    )


@pytest.mark.usefixtures("backend")
def test_moving_a_silhouette_changes_the_picture_as_its_gradient_says():
    # A bar's left and right sides move along a ramp of weights: pixel 2 loses what pixel 6 gains.
    shift = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    verts = rectangle(2.3, -9, 6.1, 99) + shift * torch.tensor((1.0, 0.0, 0.0))
    weights = torch.arange(12, dtype=torch.float64)
    (drawn(verts, HALVES, (8, 12))[0, :, :, 0] * weights).sum().backward()
    assert shift.grad.item() == pytest.approx(8 * (6 - 2))


@st.composite
def scenes(draw):
    """Sheets, lumps and heaps of triangles, some of them flat, flipped or not finite."""
    size = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    batch, side = draw(st.sampled_from((1, 2, 5))), draw(st.integers(2, 9))
    y, x = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    sheet = torch.stack((x, y, 0 * x), dim=-1).reshape(-1, 3) / (side - 1)
    noise = torch.rand(batch, side * side, 3, generator=generator) - 0.5
    verts = sheet + draw(st.sampled_from((0.0, 0.2, 3.0))) * noise
    scale = draw(st.sampled_from((0.3, 1.0, 30.0)))
    verts = (verts - 0.5) * scale * torch.tensor((size[1], size[0], 10.0)) + torch.tensor(
        (size[1] / 2, size[0] / 2, 20.0)
    )
    if draw(st.booleans()):
        verts = (2 * verts).round() / 2
    if draw(st.booleans()):
        verts[0, 0, 0] = torch.nan
    corner = (torch.arange(side - 1)[:, None] * side + torch.arange(side - 1)).flatten()
    upper = torch.stack((corner, corner + side, corner + 1), dim=1)
    lower = torch.stack((corner + 1, corner + side, corner + side + 1), dim=1)
    faces = torch.cat((upper, lower))
    flipped = torch.rand(len(faces), generator=generator) < draw(st.sampled_from((0.0, 0.3)))
    faces[flipped] = faces[flipped].flip(1)
    return verts.double(), faces, size


@settings(max_examples=150)
@given(scenes())
def test_backends_agree(scene):
    verts, faces, size = scene
    outcomes = []
    for backend in ("numba", "reference"):
        leaf, colours = verts.clone().requires_grad_(), verts.nan_to_num().clone().requires_grad_()
        with use_backend(backend):
            image = drawn(leaf, faces, size, colours)
        (
            image * torch.linspace(-1, 1, image.numel(), dtype=torch.float64).reshape(image.shape)
        ).sum().backward()
        outcomes.append((image, leaf.grad.nan_to_num(), colours.grad))
    assert torch.equal(outcomes[0][0], outcomes[1][0])
    for kernels, definition in zip(*outcomes, strict=True):
        assert_close(kernels, definition, rtol=1e-8, atol=1e-8)


def test_twins_by_hand():
    # Edges 0-1, 1-2 and 2-0 of the first, then 2-1, 1-3 and 3-2 of the second: one in common.
    assert edge_twins(torch.tensor(((0, 1, 2), (2, 1, 3)))).tolist() == [[-1, 4, -1], [1, -1, -1]]
    three_on_one_edge = torch.tensor(((0, 1, 2), (1, 0, 3), (0, 1, 4)))
    assert (edge_twins(three_on_one_edge) == -1).all()
    assert (edge_twins(torch.tensor(((0, 0, 1), (1, 2, 0)))) == -1).all()
    assert edge_twins(torch.zeros((0, 3), dtype=torch.int64)).shape == (0, 3)


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_twins_of_the_kernel_are_those_of_the_definition(seed, count):
    from monoface.raster._numba.edge_kernels import find_twins

    faces = torch.randint(0, 9, (count, 3), generator=torch.Generator().manual_seed(seed))
    twins = torch.empty((count, 3), dtype=torch.int32)
    find_twins(faces.numpy(), 9, twins.numpy())
    assert torch.equal(twins.long(), edge_twins(faces))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(1, 4, 5, 3), "image: expected torch.float64"),
        (torch.zeros(1, 4, 4, 3).double(), "image: expected torch.float64 of shape"),
    ],
)
def test_wrong_images_are_refused(image, message):
    verts = rectangle(1, 1, 3, 3)
    fragments = rasterize(verts, HALVES, (4, 5))
    with pytest.raises(ValueError, match=message):
        antialias(image, verts, HALVES, fragments)
