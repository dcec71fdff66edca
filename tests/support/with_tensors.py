"""Functions of numpy that tests call with tensors of PyTorch."""

from collections.abc import Callable
from typing import Any

from monoface.core.arrays import in_numpy, in_torch
from monoface.facemodel import FaceModel


def with_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of tensors, and of face models in PyTorch."""

    def called(*arguments: Any, **options: Any) -> Any:
        given = [in_numpy(one.in_numpy() if isinstance(one, FaceModel) else one) for one in arguments]
        return in_torch(function(*given, **in_numpy(options)))

    return called
