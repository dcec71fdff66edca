"""Which implementation runs: the fused kernels where there are some, else the definition itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from monoface.raster.fragments import Fragments

BackendName = Literal["numba", "reference"]

_chosen: ContextVar[BackendName | None] = ContextVar("monoface_raster_backend", default=None)


@runtime_checkable
class Backend(Protocol):
    """The operations with fused kernels; arguments are already checked."""

    def rasterize(
        self, verts_px: Tensor, faces: Tensor, size: tuple[int, int], *, perspective: bool, cull_back: bool
    ) -> Fragments:
        """Visible triangle of each pixel, and the place on it."""
        ...

    def interpolate(self, attributes: Tensor, faces: Tensor, fragments: Fragments) -> Tensor:
        """Attributes of vertices, blended at pixels."""
        ...

    def antialias(self, image: Tensor, verts_px: Tensor, faces: Tensor, fragments: Fragments) -> Tensor:
        """The image with silhouettes blended."""
        ...

    def sample(self, texels: Tensor, sizes: list[tuple[int, int]], uv: Tensor, level: Tensor) -> Tensor:
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


def backend_for(device: torch.device) -> Backend:
    """Backend chosen by `use_backend`, else numba's on the CPU and the definition elsewhere."""
    name = _chosen.get() or ("numba" if device.type == "cpu" else "reference")
    # Imported late, because numba takes half a second and the other backend does without.
    if name == "numba":
        from monoface.raster import _numba

        return _numba
    from monoface.raster import _reference

    return _reference
