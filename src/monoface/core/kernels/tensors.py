"""Tensors for the results of compiled kernels, in memory that is used again; see `core.kernels.arrays`."""

import torch
from torch import Tensor

from monoface.core.kernels.arrays import new_array


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """An uninitialised tensor on the CPU."""
    # Only the tensor keeps the array alive, since arrays made of the tensor keep the tensor.
    return torch.from_numpy(new_array(shape, torch.empty(0, dtype=dtype).numpy().dtype))


def zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """The same, filled with zeros."""
    result = empty(shape, dtype)
    # Not by PyTorch, whose threads would spin for a while on the cores that the kernels are about to need.
    result.numpy().fill(0)
    return result
