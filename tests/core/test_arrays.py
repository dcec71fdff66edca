import pytest
import torch

from monoface.core.arrays import empty


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int32, torch.int64, torch.bool])
@pytest.mark.parametrize("shape", [(2, 3), (0, 4), ()])
def test_shape_and_type_are_those_asked_for(shape, dtype):
    values = empty(shape, dtype)
    assert values.shape == shape
    assert values.dtype == dtype
    assert values.is_contiguous()


def test_memory_belongs_to_the_tensor():
    values = empty((1000,), torch.float32).fill_(1.5)
    empty((1000,), torch.float32).fill_(2.5)
    assert (values == 1.5).all()
