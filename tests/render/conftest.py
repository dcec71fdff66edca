import math

import pytest
import torch

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera


@pytest.fixture(scope="session")
def sphere():
    """Unit sphere of 8 * 4^5 triangles, counter-clockwise seen from outside."""
    verts = torch.tensor(((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))).double()
    faces = torch.tensor(
        ((0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5))
    )
    for _ in range(5):
        edges = torch.cat((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]])).sort(dim=1).values
        edges, middle = edges.unique(dim=0, return_inverse=True)
        a, b, c = (middle + len(verts)).reshape(3, -1)
        verts = torch.nn.functional.normalize(torch.cat((verts, verts[edges].mean(dim=1))), dim=1)
        rows = ((faces[:, 0], a, c), (a, faces[:, 1], b), (c, b, faces[:, 2]), (a, b, c))
        faces = torch.cat([torch.stack(row, dim=1) for row in rows])
    return verts.float(), faces


@pytest.fixture(scope="session")
def head():
    """A lumpy ball with texture coordinates that mirror x, on a grid in latitude and longitude.

    Vertices in millimetres in the camera frame, the front towards the camera; faces, UV and welds.
    """
    rows, columns = 48, 64
    v, u = torch.linspace(0, 1, rows + 1)[:, None], torch.linspace(0, 1, columns + 1)[None]
    polar, azimuth = v * math.pi, (u - 0.5) * 2 * math.pi
    radius = 90 + 6 * torch.cos(4 * azimuth) * polar.sin() ** 2 + 5 * torch.cos(5 * polar) * polar.sin() ** 2
    x, z = radius * polar.sin() * azimuth.sin(), -radius * polar.sin() * azimuth.cos()
    y = -1.25 * radius * polar.cos()
    verts = torch.stack(torch.broadcast_tensors(x, y, z), dim=-1).reshape(-1, 3)
    uv = torch.stack(torch.broadcast_tensors(u, v), dim=-1).reshape(-1, 2)
    index = torch.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    weld = index.clone()
    weld[:, -1] = weld[:, 0]
    weld[0], weld[-1] = 0, index[-1, 0]
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = torch.stack((torch.stack((a, c, b), dim=-1), torch.stack((b, c, d), dim=-1))).reshape(-1, 3)
    return verts, faces, uv, weld.flatten()


@pytest.fixture
def weak_camera():
    """Makes weak-perspective cameras that look at the middle of a picture."""

    def make(size, scale, batch=1):
        principal = torch.tensor((size[1] / 2, size[0] / 2)).expand(batch, 2)
        return WeakPerspectiveCamera(torch.full((batch,), float(scale)), principal)

    return make


@pytest.fixture
def pinhole():
    """Makes pinhole cameras that look at the middle of a picture."""

    def make(size, focal, batch=1):
        principal = torch.tensor((size[1] / 2, size[0] / 2)).expand(batch, 2)
        return PerspectiveCamera(torch.full((batch,), float(focal)), principal)

    return make
