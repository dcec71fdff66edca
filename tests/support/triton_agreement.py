"""Compares Triton's kernels with the definition on random meshes; on the CPU in Triton's interpreter.

Run by `tests/raster/test_triton.py` in a process of its own: whether kernels are compiled or interpreted is
decided when they are imported.
"""

import itertools
import sys

import torch
from torch import Tensor
from torch.testing import assert_close

from monoface.raster import antialias, interpolate, rasterize, use_backend

_SIZE = (9, 13)


def scene(dtype: torch.dtype, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Two pictures of small, huge, flat, hidden and undrawable triangles, with edges on pixel centres."""
    rng = torch.Generator().manual_seed(5)
    scale, shift = torch.tensor((20.0, 15.0, 50.0)), torch.tensor((-4.0, -3.0, -10.0))
    verts = torch.rand(2, 16, 3, generator=rng) * scale + shift
    verts[0] = (2 * verts[0]).round() / 2
    verts[:, 3], verts[1, 4], verts[1, 5] = torch.nan, 1e6, 1e9
    attributes = torch.rand(2, 16, 2, generator=rng)
    faces = torch.randint(0, 16, (14, 3), generator=rng)
    # Neighbours, so that walks cross inner edges.
    faces[7:] = faces[:7, [1, 0, 2]]
    faces[7:, 2] = torch.randint(0, 16, (7,), generator=rng)
    return verts.to(device, dtype), attributes.to(device, dtype), faces.to(device)


def outcome(backend: str, inputs: tuple[Tensor, ...], perspective: bool, cull: str) -> list[Tensor]:
    """Everything that the verbs yield, and gradients."""
    verts, attributes = (tensor.clone().requires_grad_() for tensor in inputs[:2])
    with use_backend(backend):
        fragments = rasterize(verts, inputs[2], _SIZE, perspective=perspective, cull=cull)
        image = interpolate(attributes, inputs[2], fragments)
        smooth = antialias(image, verts, inputs[2], fragments)
    weights = torch.linspace(-1, 1, smooth.numel(), dtype=verts.dtype, device=verts.device)
    (smooth.flatten() * weights).sum().add((fragments.depth * weights[0]).sum()).backward()
    parts = fragments.face_index, fragments.depth, fragments.barycentric, image, smooth
    return [*parts, verts.grad.nan_to_num(), attributes.grad]


def main() -> None:
    device = sys.argv[1]
    for dtype, (perspective, cull) in itertools.product(
        (torch.float32, torch.float64), ((False, "none"), (True, "back"))
    ):
        inputs = scene(dtype, device)
        kernels, definition = (outcome(name, inputs, perspective, cull) for name in ("triton", "reference"))
        assert (definition[0] >= 0).sum() > 20
        assert (definition[3] != definition[4]).any()
        for ours, expected in zip(kernels[:5], definition[:5], strict=True):
            assert torch.equal(ours, expected)
        tolerance = 1e-3 if dtype == torch.float32 else 1e-9
        for ours, expected in zip(kernels[5:], definition[5:], strict=True):
            assert_close(ours, expected, rtol=tolerance, atol=tolerance)


if __name__ == "__main__":
    main()
