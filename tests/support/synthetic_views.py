"""Batches of three views of the synthetic head, drawn with known light, and a method that is small."""

import numpy as np
import torch
from synthetic_head import synthetic_head

from monoface.data.batches.view_batch import MultiViewBatch
from monoface.facemodel import CoefficientLayout
from monoface.facemodel.fitting import project_points
from monoface.geometry.cameras import transform_points
from monoface.geometry.face_template import ARCFACE_FACE
from monoface.geometry.rotations import head_matrix_from_angles, matrix_to_6d
from monoface.methods.mgcnet import Mgcnet, MgcnetConfig
from monoface.methods.supervision import SupervisionConfig
from monoface.networks import ResNetConfig
from monoface.render import Renderer

VIEW_PX = 48
FOCAL_PER_SIZE = 4700 / 224
SETS = ("aflw21", "facemesh468", "ibug68_contour")


def view_layout(focal_per_size: float | None = FOCAL_PER_SIZE) -> CoefficientLayout:
    """All that the head has, seen by the published pinhole unless told otherwise."""
    head = synthetic_head()
    of_head = CoefficientLayout.of(head)
    return CoefficientLayout(
        of_head.identity, of_head.expression, True, head.albedo_size, True, focal_per_size
    )


def view_outputs(count: int, seed: int = 3) -> torch.Tensor:
    """True outputs of samples of three views: one identity and albedo, yaw and light by view."""
    layout, rng = view_layout(), torch.Generator().manual_seed(seed)
    outputs = torch.zeros(count, 3, layout.size)
    identity = slice(0, layout.identity)
    outputs[..., identity] = 0.7 * torch.randn(count, 1, layout.identity, generator=rng)
    yaw = torch.tensor((-0.35, 0.0, 0.35)) + 0.1 * torch.randn(count, 3, generator=rng)
    zero = torch.zeros_like(yaw)
    start = layout.identity + layout.expression
    upright = torch.tensor((1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    outputs[..., start : start + 6] = matrix_to_6d(head_matrix_from_angles(yaw, zero, zero)) - upright
    outputs[..., start + 6] = -0.25
    outputs[..., start + 7 : start + 9] = 0.1 * torch.randn(count, 3, 2, generator=rng)
    albedo = slice(layout.geometry_size, layout.geometry_size + layout.albedo)
    outputs[..., albedo] = 0.5 * torch.randn(count, 1, layout.albedo, generator=rng)
    outputs[..., albedo.stop :] = 0.3 * torch.randn(count, 1, 27, generator=rng)
    return outputs


def view_batch(
    count: int = 2,
    gate: int = 2,
    *,
    labelled: bool = True,
    lit: bool = True,
    seed: int = 3,
    focal_per_size: float | None = FOCAL_PER_SIZE,
) -> MultiViewBatch:
    """Samples whose pictures, landmarks and skin agree with what is known about them."""
    head, layout = synthetic_head(), view_layout(focal_per_size)
    outputs = view_outputs(count, seed)
    coefficients, camera = layout.decode(outputs.flatten(0, 1), VIEW_PX)
    verts = head.shape(coefficients.identity, coefficients.expression)
    verts = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
    renderer = Renderer(head.faces, (VIEW_PX, VIEW_PX), head.weld)
    drawn = renderer.render(camera, verts, head.albedo(coefficients.albedo), coefficients.light)
    by_sample = (count, 3)
    points = {
        name: project_points(head.subset(head.landmarks(name)), coefficients, camera).unflatten(0, by_sample)
        for name in SETS
    }
    return MultiViewBatch(
        image=drawn.image.clamp(0, 1).unflatten(0, by_sample),
        points_px=points,
        outputs=outputs if labelled else torch.zeros_like(outputs),
        labelled=torch.full(by_sample, labelled),
        synthetic=torch.full(by_sample, labelled),
        lit=torch.full(by_sample, lit and labelled),
        focal_per_size=torch.full(by_sample, FOCAL_PER_SIZE if lit and labelled else torch.nan),
        skin=drawn.mask.float().unflatten(0, by_sample),
        gate=torch.full((count,), gate),
        pack=torch.zeros(count, dtype=torch.long),
        seeds=torch.arange(count),
    )


class ViewSource:
    """Draws a few samples, which ones by seed and step."""

    def __init__(self, samples: int = 6) -> None:
        self._all = view_batch(samples)

    def sample(self, seed: int, step: int, batch: int, part: slice = slice(None)) -> MultiViewBatch:
        rows = np.random.default_rng((seed, step)).integers(0, len(self._all), batch)
        return self._all[torch.from_numpy(rows)[part]]


def small_mgcnet(encoder=None, **changes) -> Mgcnet:
    """MGCNet with a network of a few thousand weights, the same ones every time."""
    return Mgcnet(synthetic_head(), MgcnetConfig(**(small_config() | changes)), encoder)


def small_config() -> dict:
    """What makes methods that learn from views small; the weights that follow are the same every time."""
    torch.manual_seed(2)
    return {
        "backbone": ResNetConfig(blocks=(1, 1, 1, 1), width=0.125),
        "view_px": VIEW_PX,
        "input_px": 32,
        "render_px": 24,
        "supervision": SupervisionConfig(dense_points=40),
    }


def told(method, output):
    """The method with a network that puts out given vectors."""
    method.regressor.forward = lambda image: (output, torch.zeros(len(output)))
    return method


def losses_by_heart(method, batch, steps: int = 40) -> list[float]:
    """Losses while a method learns one batch."""
    adam = torch.optim.Adam(method.regressor.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        total = method.step(batch).total["regressor"]
        adam.zero_grad()
        total.backward()
        adam.step()
        losses.append(float(total.detach()))
    return losses


class BrightnessEncoder(torch.nn.Module):
    """Tells faces by the mean colours of their quarters."""

    size_px = 16
    template = ARCFACE_FACE

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.nn.functional.avg_pool2d(image, 8).flatten(1), dim=1)
