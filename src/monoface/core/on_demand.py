"""Names of a package that are imported when they are first used, so that who needs little imports little."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from monoface.core.errors import MissingExtraError


def names_on_demand(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`. Not for names that modules of the package have, too: those hide it.

    Args:
        package: Its `__name__`.
        modules: The module that each name is imported from.
    """

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules[name]), name)

    return load


def require_torch(purpose: str) -> None:
    """Refuse what needs PyTorch where it is not installed.

    Args:
        purpose: What needs it, for the error.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f'{purpose} needs PyTorch, which is not installed: pip install "monoface[train]".'
        ) from error
