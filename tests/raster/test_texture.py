import torch
from torch.testing import assert_close

from monoface.raster import texture


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
