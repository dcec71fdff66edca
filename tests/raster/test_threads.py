import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from monoface.raster import interpolate, rasterize
from monoface.raster.compiled import kernel
from monoface.raster.threads import band_limits, count_bands, run_for_each

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


def test_every_item_is_worked_on_once(two_threads):
    seen = []
    run_for_each(seen.append, range(100))
    assert sorted(seen) == list(range(100))


def test_two_threads_work_at_once(two_threads):
    both_here = threading.Barrier(2, timeout=30)
    run_for_each(lambda _: both_here.wait(), range(2))


def test_an_error_reaches_the_caller(two_threads):
    def fail(item):
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"):
        run_for_each(fail, range(4))


@pytest.mark.parametrize(("batch", "bands"), [(0, 2), (1, 2), (2, 1), (8, 1)])
def test_bands_give_each_thread_work(two_threads, batch, bands):
    assert count_bands(batch) == bands


def test_bands_cover_all_rows():
    assert band_limits(7, 3) == [(0, 2), (2, 4), (4, 7)]


def test_kernels_work_where_nothing_can_be_cached():
    # numba finds no place for the machine code of a function without a source file.
    names = {}
    exec("def double(value):\n    return 2 * value", names)
    assert kernel(names["double"])(21) == 42


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_the_cache_moves_to_the_user_where_the_package_is_read_only(tmp_path, monkeypatch):
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "kernels.py").write_text("def double(value):\n    return 2 * value\n")
    folder.chmod(0o555)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    import kernels

    assert kernel(kernels.double)(21) == 42
    assert not (folder / "__pycache__").exists()
    assert list((tmp_path / ".cache").rglob("*.nbi"))
