import pytest
import torch


@pytest.fixture
def random_mesh(rng):
    """Makes vertices scattered over and around a picture, and triangles between any of them."""

    def make(size, *, batch=3, verts=40, faces=90, spread=1.3, dtype=torch.float32):
        height, width = size
        unit = torch.rand(batch, verts, 3, generator=rng, dtype=dtype)
        scale = torch.tensor((spread * width, spread * height, 90.0), dtype=dtype)
        shift = torch.tensor(((1 - spread) / 2 * width, (1 - spread) / 2 * height, 10.0), dtype=dtype)
        return unit * scale + shift, torch.randint(0, verts, (faces, 3), generator=rng)

    return make


@pytest.fixture
def two_threads():
    """Runs a test with two threads, as a program would."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)
