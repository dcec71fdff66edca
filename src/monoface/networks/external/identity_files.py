"""Identity encoders from files of the user's: weights of ArcFace and FaceNet, plain dictionaries of tensors.

Nothing but tensors is read: files of torch without arbitrary pickles, or safetensors. Every name and shape is
compared with the network's before anything is used.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from monoface.core.errors import ModelFileError
from monoface.networks.external.inception_resnet import InceptionResnetV1
from monoface.networks.external.iresnet import IResNet

# Torch puts it before all names where a network was trained on several devices.
_PARALLEL = "module."
_COUNTER = "num_batches_tracked"
# The third stage says how deep a network is.
_LAYERS: dict[int, Literal[50, 100]] = {14: 50, 30: 100}


def load_arcface(path: Path) -> IResNet:
    """Read weights of ArcFace's IResNet-50 or IResNet-100: in evaluation mode, float32, without gradients.

    Raises:
        ModelFileError: If the file is missing, holds anything but tensors, or is of another network.
    """
    state = _read_tensors(path)
    depth = len({name.split(".")[1] for name in state if name.startswith("layer3.")})
    if depth not in _LAYERS:
        raise ModelFileError(
            f"{path.name}: expected weights of IResNet-50 or IResNet-100, which have 14 or 30 blocks called "
            f"layer3.N, got {depth}. Networks with other layers (IR-SE, MobileFaceNet) are not read."
        )
    with torch.device("meta"):
        network = IResNet(_LAYERS[depth])
    _fill(network, state, path.name)
    return network


def load_facenet(path: Path) -> InceptionResnetV1:
    """Read weights of FaceNet's Inception-ResNet-v1: in evaluation mode, float32, without gradients.

    A classifier in the file is left out.

    Raises:
        ModelFileError: If the file is missing, holds anything but tensors, or is of another network.
    """
    state = {name: tensor for name, tensor in _read_tensors(path).items() if not name.startswith("logits.")}
    with torch.device("meta"):
        network = InceptionResnetV1()
    _fill(network, state, path.name)
    return network


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            content: object = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelFileError(f"{path.name}: cannot be read as weights ({error}).") from error
    except pickle.UnpicklingError as error:
        raise ModelFileError(
            f"{path.name}: expected a plain dictionary of tensors, got a file that holds other objects, "
            "which could run any code. Save the network's state_dict alone."
        ) from error
    if not isinstance(content, Mapping):
        raise ModelFileError(f"{path.name}: expected a dictionary of tensors, got {type(content).__name__}.")
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise ModelFileError(
                f"{path.name}: expected a plain dictionary of tensors by name, got "
                f"{type(tensor).__name__} for {name!r}. Save the network's state_dict alone."
            )
    return {name.removeprefix(_PARALLEL): tensor for name, tensor in content.items()}


def _fill(network: nn.Module, state: dict[str, Tensor], name: str) -> None:
    """Give a network that has no values yet those of a file, after they were checked."""
    wanted = {key: tensor for key, tensor in network.state_dict().items() if not key.endswith(_COUNTER)}
    got = {key: tensor for key, tensor in state.items() if not key.endswith(_COUNTER)}
    kind = type(network).__name__
    if missing := wanted.keys() - got.keys():
        raise ModelFileError(f"{name}: expected weights of {kind}, but it lacks {_some(missing)}.")
    if unknown := got.keys() - wanted.keys():
        raise ModelFileError(f"{name}: expected weights of {kind}, got others besides: {_some(unknown)}.")
    for key, tensor in got.items():
        if tensor.shape != wanted[key].shape:
            expected = tuple(wanted[key].shape)
            raise ModelFileError(f"{name}: {key}: expected shape {expected}, got {tuple(tensor.shape)}.")
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise ModelFileError(f"{name}: {key}: expected finite numbers with fractions, got others.")
    # Only training would count batches.
    counters = {key: torch.tensor(0) for key in network.state_dict() if key.endswith(_COUNTER)}
    network.load_state_dict({key: tensor.float() for key, tensor in got.items()} | counters, assign=True)
    network.eval().requires_grad_(False)


def _some(names: set[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
