import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from monoface.raster import antialias, interpolate, rasterize

SIZE = (31, 45)


def smoothed(verts, faces):
    """All kernels, forward and backward: an antialiased picture and the gradient of the vertices."""
    leaf = verts.clone().requires_grad_()
    fragments = rasterize(leaf, faces, SIZE)
    image = antialias(interpolate(leaf, faces, fragments), leaf, faces, fragments)
    image.square().mean().backward()
    return image.detach(), leaf.grad


class Pictures(Dataset):
    """Rasterises in the worker that loads the sample, with two threads of its own."""

    def __init__(self, verts, faces):
        self.verts, self.faces = verts, faces

    def __len__(self):
        return len(self.verts)

    def __getitem__(self, index):
        torch.set_num_threads(2)
        image, grad = smoothed(self.verts[index : index + 1], self.faces)
        return image[0], grad[0]


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
    expected = [smoothed(part, faces) for part in verts.split(1)]
    loader = DataLoader(
        Pictures(verts, faces), batch_size=2, num_workers=2, multiprocessing_context="fork", timeout=60
    )
    images, grads = (torch.cat(parts) for parts in zip(*loader, strict=True))
    assert torch.equal(images, torch.cat([image for image, _ in expected]))
    torch.testing.assert_close(grads, torch.cat([grad for _, grad in expected]))
    assert torch.equal(smoothed(verts, faces)[0], images)


def test_many_threads_may_rasterise_at_once(random_mesh, two_threads):
    verts, faces = random_mesh(SIZE, batch=4)
    expected = smoothed(verts, faces)
    with ThreadPoolExecutor(6) as requests:
        results = list(requests.map(lambda _: smoothed(verts, faces), range(24)))
    for image, grad in results:
        assert torch.equal(image, expected[0])
        torch.testing.assert_close(grad, expected[1])


def test_a_web_server_rasterises_in_all_its_threads(random_mesh, two_threads):
    verts, faces = random_mesh(SIZE, batch=1)
    expected = smoothed(verts, faces)[0].numpy().tobytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = smoothed(verts, faces)[0].numpy().tobytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/"
            with ThreadPoolExecutor(6) as requests:
                bodies = list(
                    requests.map(lambda _: urllib.request.urlopen(url, timeout=60).read(), range(24))
                )
        finally:
            server.shutdown()
            thread.join()
    assert all(body == expected for body in bodies)
