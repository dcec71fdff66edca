"""A network in one safetensors file: weights in float16 or 8 bits, and JSON that says what it is."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int8
from safetensors.torch import save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from monoface.core.files import write_atomically
from monoface.networks.weights_arrays import COUNTER, SCALE, read_weights

# Largest level of 8-bit weights.
_LEVELS = 127
_SMALLEST_STEP = 1e-30

Network = TypeVar("Network", bound=nn.Module)


def save_weights(
    network: nn.Module, header: Mapping[str, Any], path: Path, *, eight_bits: bool = False
) -> None:
    """Write a network's weights, rounded to float16.

    Args:
        network: Whose weights.
        header: What must be known to build and use the network, as JSON values; has its `format`.
        path: The file, which is replaced if it exists.
        eight_bits: Round matrices and kernels to 8 bits, with a scale for each output; half of the size.
    """
    state: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        if name.endswith(COUNTER):
            continue
        if eight_bits and tensor.ndim > 1:
            state[name], state[SCALE + name] = to_eight_bits(tensor)
        else:
            state[name] = tensor.half().contiguous()
    content = save(state, {"monoface": json.dumps(header, sort_keys=True)})
    write_atomically(path, content, overwrite=True)


def load_weights(
    path: Path, expected: str, what: str, build: Callable[[dict[str, Any]], Network]
) -> tuple[Network, dict[str, Any]]:
    """Read what `save_weights` wrote.

    A header may promise a network of any size. So the network is described first, without memory for its
    weights, and its shapes are compared with those of the file's tensors before anything is read or made.

    Args:
        path: The file.
        expected: Its format.
        what: What it holds, for errors.
        build: Makes the network that the header describes; its configuration bounds how many layers.

    Returns:
        The network in evaluation mode, float32, and the header.

    Raises:
        ModelFileError: If the file is missing, damaged, or of another format.
    """

    def shapes(header: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        with torch.device("meta"), _NoInitialValues():
            state = build(header).state_dict()
        return {name: tuple(one.shape) for name, one in state.items() if not name.endswith(COUNTER)}

    arrays, header = read_weights(path, expected, what, shapes)
    network = build(header)
    # Counters alone are missing.
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=False)
    return network.eval(), header


def to_eight_bits(
    tensor: Float[Tensor, "rows ..."],
) -> tuple[Int8[Tensor, "rows ..."], Float[Tensor, " rows"]]:
    """Weights as multiples of a step for each row, an output, from -127 to 127; and the steps."""
    step = (tensor.flatten(1).abs().amax(dim=1) / _LEVELS).clamp_min(_SMALLEST_STEP).float()
    rounded = (tensor / step.view(-1, *[1] * (tensor.ndim - 1))).round()
    return rounded.clamp(-_LEVELS, _LEVELS).to(torch.int8).contiguous(), step


class _NoInitialValues(TorchFunctionMode):
    """Leaves out what fills tensors in place.

    Tensors without memory have nothing to fill, and to find that out torch imports for seconds.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        name = getattr(func, "__name__", "")
        if name.endswith("_") and not name.endswith("__") and name != "requires_grad_":
            return args[0] if args else given["tensor"]
        return func(*args, **given)
