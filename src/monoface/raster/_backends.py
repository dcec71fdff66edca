"""Which implementation runs: the fused kernels where there are some, else the definition itself."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from monoface.raster.fragments import Fragments

BackendName = Literal["numba", "triton", "reference"]

_chosen: ContextVar[BackendName | None] = ContextVar("monoface_raster_backend", default=None)


@runtime_checkable
class Backend(Protocol):
    """The operations with fused kernels; arguments are already checked."""

    def rasterize(
        self, verts_px: Any, faces: Any, size: tuple[int, int], *, perspective: bool, cull_back: bool
    ) -> Fragments:
        """Visible triangle of each pixel, and the place on it."""
        ...

    def interpolate(self, attributes: Any, faces: Any, fragments: Fragments) -> Any:
        """Attributes of vertices, blended at pixels."""
        ...

    def antialias(self, image: Any, verts_px: Any, faces: Any, fragments: Fragments) -> Any:
        """The image with silhouettes blended."""
        ...

    def sample(self, texels: Any, sizes: list[tuple[int, int]], uv: Any, level: Any) -> Any:
        """Colours of a texture, from its halved copies."""
        ...


@contextmanager
def use_backend(name: BackendName) -> Iterator[None]:
    """Runs everything within on one backend, instead of the one that suits the tensors' device.

    Backward passes run on the backend of their forward pass.
    """
    token = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(token)


def backend_for(array: Any) -> Any:
    """A `Backend`: what `use_backend` says, else numba's on the CPU, Triton's on CUDA, or the definition.

    For arrays of numpy, it is a module with compiled kernels for rasterising and interpolating alone.
    """
    if isinstance(array, np.ndarray):
        from monoface.raster import _arrays

        return _arrays
    name = _chosen.get() or _suitable_for(array.device)
    # Imported late, because numba and Triton take half a second, and the definition does without.
    if name == "numba":
        from monoface.raster._numba import backend as _numba

        return _numba
    if name == "triton":
        from monoface.raster._triton import backend as _triton

        return _triton
    from monoface.raster._reference import backend as _reference

    return _reference


def _suitable_for(device: Any) -> BackendName:
    if device.type == "cpu":
        return "numba"
    # Builds of PyTorch for CUDA bring Triton along, but not on every system.
    return "triton" if device.type == "cuda" and importlib.util.find_spec("triton") else "reference"
