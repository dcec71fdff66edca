"""What all batches have in common: a dataclass of tensors that moves and is indexed as one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class TensorBatch:
    """Base of dataclasses whose fields are tensors of as many rows, or dictionaries of such tensors."""

    def to(self, device: torch.device) -> Self:
        """The same batch on another device."""
        return self._each(lambda tensor: tensor.to(device))

    def __getitem__(self, rows: Int[Tensor, " rows"] | slice) -> Self:
        """Some samples of the batch."""
        return self._each(lambda tensor: tensor[rows])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        def changed(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {name: change(tensor) for name, tensor in value.items()}
            return change(value)

        return replace(self, **{one.name: changed(getattr(self, one.name)) for one in fields(self)})
