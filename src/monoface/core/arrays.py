"""Formulas that serve numpy and PyTorch alike.

Inference runs on numpy alone; training needs gradients, and so PyTorch. What both compute is written once,
with what the two have in common: operators, indexing, methods, and functions of equal names whose axis comes
second. Axes are therefore given by position: `xp.stack(parts, -1)`. Numbers of Python take the type of the
array that they meet, in both.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    Array = TypeVar("Array", np.ndarray, Tensor)
    """An array of numpy or a tensor of PyTorch: of one kind throughout a call."""
else:
    # Naming the tensors would import torch.
    Array = TypeVar("Array")

T = TypeVar("T")


def namespace(array: Any) -> ModuleType:
    """The module whose functions take an array: `numpy` or `torch`."""
    return np if isinstance(array, np.ndarray | np.generic) else sys.modules["torch"]


def constant(values: Any, like: Array) -> Array:
    """Numbers as an array of another one's kind, type and device."""
    if isinstance(like, np.ndarray | np.generic):
        return np.asarray(values, dtype=like.dtype)
    return like.new_tensor(values)


def filled(shape: tuple[int, ...], value: float, like: Array) -> Array:
    """An array of one number, of another one's kind, type and device."""
    if isinstance(like, np.ndarray | np.generic):
        return np.full(shape, value, dtype=like.dtype)
    return like.new_full(shape, value)


def cast(array: Any, like: Array) -> Array:
    """An array in another one's type and on its device; of its kind already."""
    if isinstance(like, np.ndarray | np.generic):
        return np.asarray(array, dtype=like.dtype)
    return array.to(like)


def detached(array: Array) -> Array:
    """The same numbers without their gradient."""
    return array if isinstance(array, np.ndarray) else array.detach()


def norm(vectors: Array, *, keepdims: bool = False) -> Array:
    """Lengths along the last axis; the gradient at zero is zero."""
    if isinstance(vectors, np.ndarray):
        return np.sqrt(np.square(vectors).sum(-1, keepdims=keepdims))
    return vectors.norm(dim=-1, keepdim=keepdims)


def normalized(vectors: Array) -> Array:
    """Vectors along the last axis at unit length; those shorter than 1e-12 become shorter than one."""
    return vectors / norm(vectors, keepdims=True).clip(1e-12)


def numpy_of(array: Any) -> np.ndarray:
    """An array, or a tensor wherever it is, as an array that shares its memory if it can."""
    return array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()


def in_numpy(tree: Any) -> Any:
    """A dataclass, mapping, tuple or list with arrays of numpy in place of tensors, at any depth."""
    return _mapped(tree, lambda leaf: leaf.detach().cpu().numpy() if is_tensor(leaf) else leaf)


def in_torch(tree: Any) -> Any:
    """The same with tensors of PyTorch, which share the memory of the arrays."""
    import torch

    def convert(leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        # PyTorch warns of arrays that cannot be written to, and knows no negative strides.
        return torch.from_numpy(np.require(leaf, requirements=("C", "W")))

    return _mapped(tree, convert)


def is_tensor(leaf: Any) -> bool:
    """Whether it is a tensor of PyTorch, which need not be installed."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(leaf, torch.Tensor)


def _mapped(tree: Any, convert: Callable[[Any], Any]) -> Any:
    if is_dataclass(tree) and not isinstance(tree, type):
        parts = {field.name: getattr(tree, field.name) for field in fields(tree) if field.init}
        changed = {name: _mapped(part, convert) for name, part in parts.items()}
        same = all(changed[name] is part for name, part in parts.items())
        return tree if same else replace(tree, **changed)
    if isinstance(tree, Mapping):
        changed = {name: _mapped(part, convert) for name, part in tree.items()}
        return tree if all(changed[name] is part for name, part in tree.items()) else changed
    if isinstance(tree, tuple | list):
        entries = [_mapped(part, convert) for part in tree]
        same = all(entry is part for entry, part in zip(entries, tree, strict=True))
        return tree if same else type(tree)(entries)
    return convert(tree)


def added_at(values: Array, index: Array, size: int) -> Array:
    """Sums of the rows of values that have each index from 0 to below `size`; zeros where there are none."""
    if isinstance(values, np.ndarray):
        columns = values.reshape(len(values), -1).T
        sums = [np.bincount(index, column, size) for column in columns]
        return np.stack(sums, -1).astype(values.dtype).reshape((size, *values.shape[1:]))
    return values.new_zeros((size, *values.shape[1:])).index_add(0, index, values)
