import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from monoface.raster import interpolate, rasterize, use_backend


@st.composite
def scenes(draw):
    """Meshes from tiny to huge against the picture, with flat, doubled and flipped triangles."""
    size = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from((torch.float32, torch.float64)))
    spread = draw(st.sampled_from((0.5, 2.0, 40.0, 3000.0, 1e6, 3e6)))
    depths = draw(st.sampled_from(((1.0, 2.0), (-50.0, 50.0), (999.0, 1001.0))))
    batch = draw(st.sampled_from((1, 2, 3, 64)))
    verts = torch.rand(batch, 24, 3, generator=generator, dtype=dtype)
    verts[..., :2] = (verts[..., :2] - 0.5) * spread + torch.tensor(size[::-1]) / 2
    verts[..., 2] = depths[0] + (depths[1] - depths[0]) * verts[..., 2]
    if draw(st.booleans()):
        # On the grid's coarse points centres fall on edges and depths tie.
        verts = (2 * verts).round() / 2
    faces = torch.randint(0, 24, (draw(st.integers(1, 60)), 3), generator=generator)
    return verts, faces, size


@settings(max_examples=150, deadline=None)
@given(scenes(), st.booleans(), st.sampled_from(("back", "none")))
def test_backends_agree_bit_for_bit(scene, perspective, cull):
    verts, faces, size = scene
    with use_backend("numba"):
        kernels = rasterize(verts, faces, size, perspective=perspective, cull=cull)
    with use_backend("reference"):
        definition = rasterize(verts, faces, size, perspective=perspective, cull=cull)
    assert torch.equal(kernels.face_index, definition.face_index)
    assert torch.equal(kernels.depth, definition.depth)
    assert torch.equal(kernels.barycentric, definition.barycentric)


@settings(max_examples=40, deadline=None)
@given(scenes(), st.booleans())
def test_gradients_agree(scene, perspective):
    verts, faces, size = scene
    verts = verts[:3].double()
    outcomes = []
    for backend in ("numba", "reference"):
        leaf, colours = verts.clone().requires_grad_(), verts.clone().requires_grad_()
        with use_backend(backend):
            outputs = shaded(leaf, colours, faces, size, perspective)
        weights = [torch.linspace(-1, 1, output.numel(), dtype=torch.float64) for output in outputs]
        sum((part.flatten() * weight).sum() for part, weight in zip(outputs, weights, strict=True)).backward()
        outcomes.append((leaf.grad, colours.grad))
    for kernels, definition in zip(*outcomes, strict=True):
        # Slivers turn moves of their corners into moves of any length.
        assert_close(kernels, definition, rtol=1e-6, atol=1e-6 * float(1 + definition.abs().max()))


def shaded(verts_px, attributes, faces, size, perspective):
    fragments = rasterize(verts_px, faces, size, perspective=perspective, cull="none")
    return interpolate(attributes, faces, fragments), fragments.depth, fragments.barycentric


@pytest.mark.parametrize("perspective", [False, True])
@pytest.mark.parametrize("channels", [1, 4])
def test_values_and_gradients_of_the_whole_agree(random_mesh, rng, perspective, channels):
    size = (17, 23)
    verts, faces = random_mesh(size, dtype=torch.float64)
    attributes = torch.randn(3, 40, channels, generator=rng, dtype=torch.float64)
    outcomes = []
    for backend in ("numba", "reference"):
        inputs = verts.clone().requires_grad_(), attributes.clone().requires_grad_()
        with use_backend(backend):
            outputs = shaded(*inputs, faces, size, perspective)
        weights = [torch.linspace(-1, 1, output.numel(), dtype=torch.float64) for output in outputs]
        sum(
            (output.flatten() * weight).sum() for output, weight in zip(outputs, weights, strict=True)
        ).backward()
        outcomes.append((*outputs, *(value.grad for value in inputs)))
    for kernels, definition in zip(*outcomes, strict=True):
        assert_close(kernels, definition, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backend", ["numba", "reference"])
@pytest.mark.parametrize("perspective", [False, True])
def test_gradients_are_those_of_finite_differences(backend, perspective):
    # Steps of one grid unit from points on the grid: rounding then changes nothing. The triangles reach
    # far beyond the picture, so no step moves an edge over a pixel centre.
    verts = torch.tensor(
        (
            (
                (-60.0, -50.0, 40.0),
                (-70.0, 90.0, 55.0),
                (85.0, 80.0, 70.0),
                (-60.0, -50.0, 45.0),
                (85.0, -70.0, 80.0),
            ),
        ),
        dtype=torch.float64,
        requires_grad=True,
    )
    attributes = torch.linspace(-1, 2, 10, dtype=torch.float64).reshape(1, 5, 2).requires_grad_()
    faces = torch.tensor(((0, 1, 2), (3, 2, 4)))
    with use_backend(backend):
        seen = rasterize(verts, faces, (3, 4)).face_index
        assert set(seen.unique().tolist()) <= {0, 1}
        assert torch.autograd.gradcheck(
            lambda v, a: shaded(v, a, faces, (3, 4), perspective), (verts, attributes), eps=2.0**-8, atol=1e-5
        )


def test_only_wanted_gradients_are_computed(random_mesh, rng):
    verts, faces = random_mesh((8, 9))
    attributes = torch.rand(3, 40, 2, generator=rng, requires_grad=True)
    interpolate(attributes, faces, rasterize(verts, faces, (8, 9))).sum().backward()
    assert verts.grad is None
    assert attributes.grad.abs().sum() > 0


def test_depth_alone_has_a_gradient(random_mesh):
    verts, faces = random_mesh((8, 9))
    verts.requires_grad_()
    fragments = rasterize(verts, faces, (8, 9), cull="none")
    fragments.depth.sum().backward()
    # Weights sum to one at each pixel.
    assert_close(verts.grad[..., 2].sum(), fragments.mask.sum().float())
