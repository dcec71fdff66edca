import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from monoface.raster import interpolate, rasterize, texture, use_backend, uv_derivatives


def test_texel_centres_have_the_texels_colours(rng):
    image = torch.rand(2, 3, 4, 6, generator=rng)
    rows, columns = (torch.arange(4) + 0.5) / 4, (torch.arange(6) + 0.5) / 6
    uv = torch.stack((columns.expand(4, 6), rows[:, None].expand(4, 6)), dim=-1)
    assert_close(texture(image, uv.expand(2, 4, 6, 2)), image.movedim(1, -1))


def test_halfway_between_texels_is_their_mean(rng):
    image = torch.rand(1, 3, 4, 6, generator=rng)
    sampled = texture(image, torch.tensor((2 / 6, 0.5 / 4)).expand(1, 1, 1, 2))
    assert_close(sampled[0, 0, 0], (image[0, :, 0, 1] + image[0, :, 0, 2]) / 2)


def test_the_border_continues_outside(rng):
    image = torch.rand(1, 1, 4, 6, generator=rng)
    sampled = texture(image, torch.tensor((-3.0, 7.0)).expand(1, 1, 1, 2))
    assert_close(sampled[0, 0, 0, 0], image[0, 0, 3, 0])


def test_gradients(rng):
    image = torch.rand(1, 2, 4, 6, generator=rng, dtype=torch.float64).requires_grad_()
    uv = (torch.rand(2, 3, 2, 2, generator=rng, dtype=torch.float64) * 0.9 + 0.05).requires_grad_()
    assert torch.autograd.gradcheck(texture, (image, uv))


def derivatives(uv, texels_per_pixel, size):
    """Of pixels that lie in the texture's own direction and are so many texels large."""
    scale = torch.diag(torch.tensor((1 / size[1], 1 / size[0]), dtype=uv.dtype)) * texels_per_pixel
    return scale.expand(*uv.shape, 2)


@pytest.fixture(params=["numba", "reference"])
def _each_backend(request):
    with use_backend(request.param):
        yield


@pytest.mark.usefixtures("_each_backend")
def test_a_pixel_of_two_texels_shows_means_of_four(rng):
    image = torch.rand(1, 3, 4, 6, generator=rng)
    rows, columns = (torch.arange(2) + 0.5) / 2, (torch.arange(3) + 0.5) / 3
    uv = torch.stack((columns.expand(2, 3), rows[:, None].expand(2, 3)), dim=-1)[None]
    halved = torch.nn.functional.avg_pool2d(image, 2).movedim(1, -1)
    assert_close(texture(image, uv, derivatives(uv, 2.0, (4, 6))), halved)
    # Half an octave finer is halfway to the texture itself.
    between = (halved + texture(image, uv)) / 2
    assert_close(texture(image, uv, derivatives(uv, 2**0.5, (4, 6))), between)


@pytest.mark.usefixtures("_each_backend")
def test_large_pixels_show_the_mean_and_small_ones_the_texture(rng):
    image, uv = torch.rand(1, 2, 8, 8, generator=rng), torch.rand(2, 3, 5, 2, generator=rng)
    mean = image.mean(dim=(2, 3)).expand(2, 3, 5, 2)
    assert_close(texture(image, uv, derivatives(uv, 1000.0, (8, 8))), mean)
    assert_close(texture(image, uv, derivatives(uv, 0.3, (8, 8))), texture(image, uv))
    assert_close(texture(image, uv, derivatives(uv, 0.0, (8, 8))), texture(image, uv))


@pytest.mark.usefixtures("_each_backend")
def test_ramps_stay_where_they_are_in_textures_of_odd_sizes():
    rows, columns = 13, 7
    ramp = (torch.arange(float(columns)) + 0.5).expand(rows, columns)[None, None]
    uv = torch.full((1, 1, 5, 2), 0.5)
    uv[..., 0] = torch.tensor((2, 3, 3.5, 4, 4.5)) / columns
    assert_close(
        texture(ramp, uv, derivatives(uv, 2.0, (rows, columns)))[0, 0, :, 0], uv[0, 0, :, 0] * columns
    )


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_backends_agree(seed, batch, rows, columns, one_for_all):
    generator = torch.Generator().manual_seed(seed)
    shape = 1 if one_for_all else batch, 2, rows, columns
    image = torch.rand(shape, generator=generator, dtype=torch.float64)
    uv = torch.rand(batch, 4, 5, 2, generator=generator, dtype=torch.float64) * 1.4 - 0.2
    steps = torch.randn(batch, 4, 5, 2, 2, generator=generator, dtype=torch.float64)
    weights = torch.randn(batch, 4, 5, 2, generator=generator, dtype=torch.float64)
    outcomes = []
    for backend in ("numba", "reference"):
        inputs = image.clone().requires_grad_(), uv.clone().requires_grad_()
        with use_backend(backend):
            sampled = texture(*inputs, steps)
        (sampled * weights).sum().backward()
        outcomes.append((sampled, *(value.grad for value in inputs)))
    for kernels, definition in zip(*outcomes, strict=True):
        assert_close(kernels, definition)


@pytest.mark.usefixtures("_each_backend")
def test_gradients_between_copies(rng):
    image = torch.rand(1, 2, 7, 6, generator=rng, dtype=torch.float64).requires_grad_()
    uv = (torch.rand(2, 2, 2, 2, generator=rng, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    steps = derivatives(uv.detach(), 3.0, (7, 6))
    assert torch.autograd.gradcheck(lambda i, c: texture(i, c, steps), (image, uv))


def test_derivatives_of_a_plane_and_at_its_ends():
    # A square in the picture whose texture is turned by a quarter and begins anew at column 4.
    verts = torch.tensor([[(0.0, 0.0, 1.0), (0.0, 6.0, 1.0), (8.0, 6.0, 1.0), (8.0, 0.0, 1.0)]])
    faces = torch.tensor(((0, 1, 2), (0, 2, 3)))
    fragments = rasterize(verts, faces, (8, 10))
    uv = interpolate(torch.tensor([[(0.0, 0.0), (0.6, 0.0), (0.6, 0.4), (0.0, 0.4)]]), faces, fragments)
    uv[:, :, 4:] += 0.5 * fragments.mask[:, :, 4:, None]
    steps = uv_derivatives(uv, fragments)
    expected = torch.tensor(((0.0, 0.1), (0.05, 0.0)))
    assert_close(steps[0, :6, :8], expected.expand(6, 8, 2, 2), rtol=0, atol=1e-6)
    assert (steps[~fragments.mask] == 0).all()


def test_another_type_of_texture_is_refused():
    with pytest.raises(ValueError, match=r"image: expected torch.float32 as the coordinates are"):
        texture(torch.zeros(1, 1, 2, 2).double(), torch.zeros(1, 2, 2, 2))
