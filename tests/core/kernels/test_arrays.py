import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from monoface.core.kernels import arrays
from monoface.core.kernels.tensors import empty, zeros

MANY = 100_003
"""Values of a tensor that is large enough for its memory to be kept; not a round number."""


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


def test_memory_is_used_again_once_nobody_holds_it():
    values = empty((MANY,), torch.float32)
    place = values.data_ptr()
    assert empty((MANY,), torch.float32).data_ptr() != place
    del values
    assert empty((MANY - 1,), torch.int32).data_ptr() == place


@pytest.mark.parametrize("hold", [torch.Tensor.numpy, torch.Tensor.detach, lambda tensor: tensor[5:]])
def test_memory_stays_while_anything_shows_it(hold):
    values = empty((MANY,), torch.float32).fill_(1.5)
    shown = hold(values)
    del values
    empty((MANY,), torch.float32).fill_(2.5)
    assert (shown == 1.5).all()


def test_zeros_are_zero_in_used_memory():
    empty((MANY,), torch.float32).fill_(2.5)
    assert (zeros((MANY,), torch.float32) == 0).all()


def test_no_more_is_kept_than_allowed(monkeypatch):
    monkeypatch.setattr(arrays, "_shelf", arrays._Shelf())
    monkeypatch.setattr(arrays, "_MOST_KEPT_BYTES", 1 << 20)
    tensors = [empty((MANY,), torch.float32) for _ in range(8)]
    places = [tensor.data_ptr() for tensor in tensors]
    for _ in range(8):
        del tensors[0]
    kept = [empty((MANY,), torch.float32) for _ in range(2)]
    # Two blocks of 400 kB fit; the last ones that came back are the ones that stay.
    assert {tensor.data_ptr() for tensor in kept} == set(places[-2:])
    assert arrays._shelf._kept_bytes == 0


def test_threads_never_share_memory():
    def owns_its_memory(number):
        tensors = [empty((MANY,), torch.int32).fill_(number + step) for step in range(3)]
        return all((tensor == number + step).all() for step, tensor in enumerate(tensors))

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(owns_its_memory, range(0, 300, 3)))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_amid_an_allocation_leaves_the_child_able_to_allocate():
    empty((MANY,), torch.float32)
    with arrays._shelf._lock:
        child = os.fork()
        if child == 0:
            reused = empty((MANY,), torch.float32).data_ptr() == empty((MANY,), torch.float32).data_ptr()
            os._exit(0 if reused else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
