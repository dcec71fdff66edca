import pytest
import torch
from torch.testing import assert_close

from monoface.shading import linear_to_srgb, srgb_to_linear
from monoface.shading.color import linear_to_srgb_reference


@pytest.mark.parametrize(
    ("srgb", "linear"),
    [
        (0.0, 0.0),
        (1.0, 1.0),
        (0.04045, 0.0031308),
        (0.5, 0.21404114),
        (188 / 255, 0.50288646),
        (-0.1, -0.0077399),
    ],
)
def test_known_values(srgb, linear):
    # From the formulas of IEC 61966-2-1.
    assert_close(srgb_to_linear(torch.tensor(srgb)), torch.tensor(linear), rtol=1e-4, atol=1e-6)
    assert_close(linear_to_srgb(torch.tensor(linear)), torch.tensor(srgb), rtol=1e-4, atol=1e-6)


def test_round_trip(rng):
    image = 1.5 * torch.rand(2, 3, 5, 7, dtype=torch.float64, generator=rng) - 0.2
    assert_close(linear_to_srgb(srgb_to_linear(image)), image, rtol=1e-5, atol=1e-6)


def test_gradients():
    values = torch.linspace(-0.5, 1.5, 21, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(srgb_to_linear, (values,))
    assert torch.autograd.gradcheck(linear_to_srgb, (values,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_fused_curve_is_that_of_the_definition(rng, dtype):
    # A view with strides of its own, dark values and negative ones among them.
    values = (torch.rand(3, 5, 4, generator=rng, dtype=dtype) ** 3 - 0.1).movedim(-1, 0)
    weights = torch.randn(4, 3, 5, generator=rng, dtype=dtype)
    outcomes = []
    for function in (linear_to_srgb, linear_to_srgb_reference):
        leaf = values.clone().requires_grad_()
        image_srgb = function(leaf)
        (image_srgb * weights).sum().backward()
        outcomes.append((image_srgb.detach(), leaf.grad))
    for fused, definition in zip(*outcomes, strict=True):
        assert_close(fused, definition)
