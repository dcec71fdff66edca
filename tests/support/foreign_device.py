"""A stand-in for another device: tensors that compute on the CPU, but refuse to meet those that stay there.

Tensors moved to `FOREIGN` within `foreign_device()` say that they are elsewhere. Operations that mix them
with tensors of the CPU fail, as they do on a GPU: all but numbers without a dimension, indices and copies.
NumPy cannot read them.
"""

from contextlib import contextmanager

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

FOREIGN = torch.device("meta")
_HERE = torch.device("cpu")
_aten = torch.ops.aten
_ACROSS = {
    _aten._to_copy.default, _aten.copy_.default, _aten.index.Tensor, _aten.index_put.default,
    _aten.index_put_.default, _aten._index_put_impl_.default,
}  # fmt: skip
_FROM_NUMBERS = {torch.tensor, torch.as_tensor, torch.Tensor.new_tensor}


class ForeignTensor(torch.Tensor):
    """What is held on the CPU, but says otherwise."""

    @staticmethod
    def __new__(cls, held):
        outside = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            device=FOREIGN,
        )  # fmt: skip
        outside.held = held
        return outside

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})

    def __repr__(self):
        return f"ForeignTensor({tuple(self.shape)}, {self.dtype})"


@contextmanager
def foreign_device():
    """Everything within knows the foreign device."""
    with pytest.MonkeyPatch.context() as patch, _Numbers(), _Dispatch():
        here = torch.autocast
        patch.setattr(torch, "autocast", lambda kind, **options: here("cpu", **options))
        yield FOREIGN


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class _Numbers(TorchFunctionMode):
    """Tensors made of Python's numbers, and the way back: what no operation is seen of."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.tolist:
            return func(_held(args[0]))
        if func is torch.Tensor.__getitem__:
            return func(args[0], _with_tensors(args[1]))
        if func not in _FROM_NUMBERS:
            return func(*args, **kwargs)
        device = kwargs.pop("device", None)
        if func is torch.Tensor.new_tensor:
            like, data = args
            kwargs.setdefault("dtype", like.dtype)
            return torch.Tensor.to(func(torch.empty(0), data, **kwargs), device or like.device)
        made = func(*args, **kwargs)
        return made if device is None else torch.Tensor.to(made, device)


def _run(func, args, kwargs):
    flat, _ = tree_flatten((args, kwargs))
    tensors = [one for one in flat if isinstance(one, torch.Tensor)]
    foreign = any(isinstance(one, ForeignTensor) for one in tensors)
    if foreign and func not in _ACROSS:
        strangers = [one for one in tensors if not isinstance(one, ForeignTensor) and one.ndim]
        if strangers:
            raise RuntimeError(
                f"{func}: expected all tensors on one device, got some on the CPU: {strangers[0]}"
            )
    if kwargs.get("device") is not None:
        foreign = torch.device(kwargs["device"]) == FOREIGN
        kwargs = {**kwargs, "device": _HERE}
    args_here, kwargs_here = tree_map(_held, (args, kwargs))
    result = func(*args_here, **kwargs_here)
    if func._schema.is_mutable and func._schema.name.endswith("_"):
        return args[0]
    return tree_map(_outside, result) if foreign else result


def _with_tensors(index):
    """An index without lists, of which PyTorch would make tensors on the device, without numbers."""
    if isinstance(index, tuple):
        return tuple(_with_tensors(one) for one in index)
    return torch.tensor(index) if isinstance(index, list) else index


def _held(one):
    return one.held if isinstance(one, ForeignTensor) else one


def _outside(one):
    return ForeignTensor(one) if isinstance(one, torch.Tensor) else one
