"""A network in one safetensors file: weights in float16 or 8 bits, and JSON that says what it is."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from monoface.core.assets import asset_path
from monoface.core.errors import ConfigError, ModelFileError
from monoface.core.files import write_atomically
from monoface.core.json_text import parse_json

_SUFFIX = ".safetensors"
# Counters of norms: they are no weights, and files do not have them.
_COUNTER = "num_batches_tracked"
_DTYPES = ("F16", "BF16", "F32", "F64", "I8")
# What names of the scales of 8-bit weights begin with; and the weights' largest level.
_SCALE = "scale_of."
_LEVELS = 127
_SMALLEST_STEP = 1e-30
_SHOWN = 4

BESIDES = "besides."
"""What names of tensors begin with that lie in a network's file and are none of its weights."""

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
        if name.endswith(_COUNTER):
            continue
        if eight_bits and tensor.ndim > 1:
            state[name], state[_SCALE + name] = to_eight_bits(tensor)
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
    try:
        with safe_open(path, framework="pt") as file:
            header = parse_json((file.metadata() or {}).get("monoface", "{}"))
            if header.get("format") != expected:
                raise ModelFileError(f"{path.name}: expected format {expected}, got {header.get('format')}.")
            names = [name for name in file.keys() if not name.startswith((BESIDES, _SCALE))]  # noqa: SIM118
            slices = {name: file.get_slice(name) for name in names}
            told = {name: (tuple(one.get_shape()), one.get_dtype()) for name, one in slices.items()}
            with torch.device("meta"), _NoInitialValues():
                _check_fit(path.name, build(header), told)
            state = {name: _read(file, name) for name in names}
        network = build(header)
        # Counters alone are missing.
        network.load_state_dict(state, strict=False)
        return network.eval(), header
    except (
        OSError, SafetensorError, ConfigError, KeyError, TypeError, ValueError, AttributeError,
        ArithmeticError, RuntimeError,
    ) as error:  # fmt: skip
        raise ModelFileError(f"{path.name}: cannot be read as {what} ({error}).") from error


def to_eight_bits(
    tensor: Float[Tensor, "rows ..."],
) -> tuple[Int8[Tensor, "rows ..."], Float[Tensor, " rows"]]:
    """Weights as multiples of a step for each row, an output, from -127 to 127; and the steps."""
    step = (tensor.flatten(1).abs().amax(dim=1) / _LEVELS).clamp_min(_SMALLEST_STEP).float()
    rounded = (tensor / step.view(-1, *[1] * (tensor.ndim - 1))).round()
    return rounded.clamp(-_LEVELS, _LEVELS).to(torch.int8).contiguous(), step


def _read(file: Any, name: str) -> Float[Tensor, "..."]:
    """A tensor as float32; of 8 bits, times the scale that lies beside it."""
    tensor: Tensor = file.get_tensor(name)
    if tensor.dtype != torch.int8:
        return tensor.float()
    step: Tensor = file.get_tensor(_SCALE + name).float()
    if step.shape != tensor.shape[:1]:
        raise ModelFileError(
            f"{name}: expected {tensor.shape[0]} scales of its 8-bit weights, got {list(step.shape)}. The "
            "file is damaged or changed; get it anew."
        )
    return tensor.float() * step.view(-1, *[1] * (tensor.ndim - 1))


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


def _check_fit(file: str, network: nn.Module, told: Mapping[str, tuple[tuple[int, ...], str]]) -> None:
    """Compare a network without memory with the shapes and types of a file's tensors, by name."""
    shapes = {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.endswith(_COUNTER)
    }
    wrong = [f"{name} is missing" for name in sorted(shapes.keys() - told.keys())]
    wrong += [f"{name} is unknown" for name in sorted(told.keys() - shapes.keys())]
    # In the network's order, for few are shown: files have an order of their own.
    wrong += [
        f"{name}: expected shape {shape}, got {told[name][0]}"
        for name, shape in shapes.items()
        if name in told and told[name][0] != shape
    ]
    wrong += [
        f"{name}: expected numbers with fractions, got {dtype}"
        for name, (_, dtype) in told.items()
        if dtype not in _DTYPES
    ]
    if wrong:
        raise ModelFileError(
            f"{file}: weights do not fit the network that the file describes: "
            f"{'; '.join(wrong[:_SHOWN])}. The file is damaged or changed; get it anew."
        )


def weights_format(path: Path, what: str) -> str:
    """Which format a file that should hold `what` says it has; empty if it says none.

    Raises:
        ModelFileError: If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            header = parse_json((file.metadata() or {}).get("monoface", "{}"))
        return str(header.get("format", ""))
    except (OSError, SafetensorError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{path.name}: cannot be read as {what} ({error}).") from error


def asset_or_path(name_or_path: str | Path) -> Path:
    """Path of a shipped asset given by name, or, with a folder or the suffix `.safetensors`, the path given.

    Raises:
        AssetError: If no asset has that name, or its file is damaged.
    """
    path = Path(name_or_path)
    named = path.suffix != _SUFFIX and len(path.parts) == 1
    return asset_path(f"{name_or_path}{_SUFFIX}") if named else path
