"""One photo in, a posed, textured, animatable 3D face out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from monoface.core.version import VERSION

if TYPE_CHECKING:
    from monoface.pipeline import (
        Face,
        PhotoResult,
        Reconstructor,
        ReconstructorConfig,
        TogetherResult,
        reconstruct_together,
    )

__version__ = VERSION

__all__ = [
    "Face",
    "PhotoResult",
    "Reconstructor",
    "ReconstructorConfig",
    "TogetherResult",
    "__version__",
    "reconstruct_together",
]


def __getattr__(name: str) -> Any:
    # Loaded when first used: importing torch takes seconds, which `monoface --help` need not wait for.
    if name in __all__:
        return getattr(import_module("monoface.pipeline"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
