"""Batch norm over processes: in one process it is PyTorch's own."""

import pytest
import torch
import torch.distributed
from torch import nn
from torch.testing import assert_close

from monoface.core.errors import ConfigError
from monoface.training.engine.norms import AllReducedBatchNorm2d, all_reduce_batch_norms


@pytest.fixture(autouse=True)
def one_process():
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def network(rng):
    made = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5, momentum=0.2), nn.Sequential(nn.BatchNorm2d(5))
    )
    for parameter in made.parameters():
        parameter.data = torch.randn(parameter.shape, generator=rng)
    return made


def test_training_equals_pytorchs_norm_in_values_gradients_and_state(rng):
    own, theirs = network(rng), network(rng)
    theirs.load_state_dict(own.state_dict())
    all_reduce_batch_norms(own)
    assert isinstance(own[1], AllReducedBatchNorm2d)
    image = 3 + torch.randn(3, 3, 7, 5, generator=rng)
    for _ in range(2):
        results = [made(image) for made in (own, theirs)]
        assert_close(*results, rtol=1e-4, atol=1e-5)
        for made, result in zip((own, theirs), results, strict=True):
            made.zero_grad()
            result.square().mul(torch.arange(result.numel()).reshape(result.shape)).sum().backward()
    for name, parameter in theirs.named_parameters():
        assert_close(own.get_parameter(name).grad, parameter.grad, rtol=2e-3, atol=2e-2)
    for name, value in theirs.state_dict().items():
        assert_close(own.state_dict()[name], value, rtol=1e-5, atol=1e-6)
    own.eval(), theirs.eval()
    assert_close(own(image), theirs(image))


def test_parameters_stay_the_same_tensors(rng):
    made = network(rng)
    before = dict(made.named_parameters()) | dict(made.named_buffers())
    all_reduce_batch_norms(made)
    after = dict(made.named_parameters()) | dict(made.named_buffers())
    assert before.keys() == after.keys()
    assert all(after[name] is before[name] for name in before)


def test_gradients_are_those_of_differences(rng):
    norm = AllReducedBatchNorm2d(2).double()
    image = torch.randn(3, 2, 2, 1, dtype=torch.float64, generator=rng, requires_grad=True)
    assert torch.autograd.gradcheck(norm, (image,))


def test_half_precision_is_kept_outside_and_not_used_inside(rng):
    norm = AllReducedBatchNorm2d(2)
    image = 1000 + torch.randn(4, 2, 8, 8, generator=rng)
    result = norm(image.bfloat16())
    assert result.dtype == torch.bfloat16
    assert_close(norm(image.bfloat16().float()).bfloat16(), result)


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm1d(3), nn.BatchNorm2d(3, affine=False), nn.BatchNorm2d(3, momentum=None)]
)
def test_other_batch_norms_are_refused(norm):
    with pytest.raises(ConfigError, match="expected a batch norm in two dimensions"):
        all_reduce_batch_norms(nn.Sequential(norm))
