"""Cross-entropy of pixels' classes, of which some are unknown."""

import math

import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from monoface.losses.segmentation import UNKNOWN_CLASS, class_error


def test_by_hand():
    """Pixels of weights 1 and 3 that have 3/4 and 1/2 for their true class, and an unknown one."""
    logits = torch.tensor([[[[math.log(3.0), 0.0, 50.0]], [[0.0, 0.0, -50.0]]]])
    classes = torch.tensor([[[0, 1, UNKNOWN_CLASS]]])
    expected = (math.log(4 / 3) + 3 * math.log(2)) / 4
    assert_close(class_error(logits, classes, torch.tensor([1.0, 3.0])), torch.tensor([expected]))


def test_it_agrees_with_torch_sample_by_sample(rng):
    logits = torch.randn(3, 4, 5, 6, generator=rng)
    classes = torch.randint(0, 4, (3, 5, 6), generator=rng)
    classes[torch.rand(3, 5, 6, generator=rng) < 0.3] = UNKNOWN_CLASS
    weights = torch.rand(4, generator=rng)
    expected = [
        torch.nn.functional.cross_entropy(one[None], true[None], weights, ignore_index=UNKNOWN_CLASS)
        for one, true in zip(logits, classes, strict=True)
    ]
    assert_close(class_error(logits, classes, weights), torch.stack(expected))


def test_nothing_known_gives_zero_with_zero_gradient(rng):
    logits = torch.randn(2, 3, 4, 5, generator=rng, requires_grad=True)
    classes = torch.ones(2, 4, 5, dtype=torch.long)
    classes[0] = UNKNOWN_CLASS
    error = class_error(logits, classes, torch.ones(3))
    error.sum().backward()
    assert error[0] == 0
    assert not logits.grad[0].any()
    assert logits.grad[1].any()


def test_gradients(rng):
    logits = torch.randn(2, 3, 2, 3, dtype=torch.float64, generator=rng, requires_grad=True)
    classes = torch.tensor([[[0, 1, 2], [2, UNKNOWN_CLASS, 0]]] * 2)
    weights = torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64)
    assert gradcheck(lambda values: class_error(values, classes, weights), logits)
