from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from monoface.raster import interpolate, rasterize

SIZE = (31, 45)


class Pictures(Dataset):
    """Rasterises in the worker that loads the sample, with two threads of its own."""

    def __init__(self, verts, faces):
        self.verts, self.faces = verts, faces

    def __len__(self):
        return len(self.verts)

    def __getitem__(self, index):
        torch.set_num_threads(2)
        return rasterize(self.verts[index : index + 1], self.faces, SIZE).depth[0]


@pytest.mark.parametrize("batch", [1, 3])
def test_the_number_of_threads_changes_no_bit(random_mesh, batch):
    verts, faces = random_mesh(SIZE, batch=batch)
    outcomes = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        leaf = verts.clone().requires_grad_()
        fragments = rasterize(leaf, faces, SIZE)
        interpolate(leaf, faces, fragments).square().sum().backward()
        outcomes.append((fragments, leaf.grad))
    torch.set_num_threads(1)
    for fragments, grad in outcomes[1:]:
        assert torch.equal(fragments.face_index, outcomes[0][0].face_index)
        assert torch.equal(fragments.barycentric, outcomes[0][0].barycentric)
        torch.testing.assert_close(grad, outcomes[0][1], rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_forked_loader_workers_rasterise_after_the_parent_did(random_mesh, two_threads):
    verts, faces = random_mesh(SIZE, batch=6)
    expected = rasterize(verts, faces, SIZE).depth
    loader = DataLoader(
        Pictures(verts, faces), batch_size=2, num_workers=2, multiprocessing_context="fork", timeout=60
    )
    assert torch.equal(torch.cat(list(loader)), expected)
    assert torch.equal(rasterize(verts, faces, SIZE).depth, expected)


def test_many_threads_may_rasterise_at_once(random_mesh, two_threads):
    verts, faces = random_mesh(SIZE, batch=4)
    expected = rasterize(verts, faces, SIZE).depth
    with ThreadPoolExecutor(6) as requests:
        results = list(requests.map(lambda _: rasterize(verts, faces, SIZE).depth, range(24)))
    assert all(torch.equal(result, expected) for result in results)
