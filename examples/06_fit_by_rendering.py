"""Two things found again from pictures alone, by following the renderer's gradient from a wrong start.

    python examples/06_fit_by_rendering.py

A pose is found from a silhouette: only smoothed silhouettes have a gradient with respect to where the head
is. Then a face's shape is found from its shading, under known light and with one colour all over. Writes
fit.png: the target, the start and the end of both.
"""

import torch
from PIL import Image
from torch import Tensor

from monoface.facemodel import load_default_model
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import HALF_TURN_ABOUT_X, matrix_from_axis_angle
from monoface.render import RenderedFace, Renderer

SIDE_PX, MODES, STEPS = 112, 30, 80

model = load_default_model()
renderer = Renderer(model.faces, (SIDE_PX, SIDE_PX), weld=model.weld, antialias=True)
camera = WeakPerspectiveCamera(torch.tensor([0.36]), torch.full((1, 2), SIDE_PX / 2))
basis_mm = model.identity_basis_mm[:MODES]


def render(verts_mm: Tensor, turn: Tensor, shift_mm: Tensor, light: Tensor | None = None) -> RenderedFace:
    """A head, white all over, turned by an axis-angle vector away from the upright frontal pose."""
    rotation = torch.tensor(HALF_TURN_ABOUT_X) @ matrix_from_axis_angle(turn)
    place_mm = torch.cat((shift_mm, torch.tensor([900.0])))
    verts_camera = transform_points(rotation[None], place_mm[None], verts_mm[None])
    return renderer.render(camera, verts_camera, torch.ones(1, len(verts_mm), 3), light)


def pose_from_silhouette() -> list[Tensor]:
    """Turn and shift of the mean head, from which pixels it covers."""
    true_turn, true_shift = torch.tensor([0.25, -0.5, 0.45]), torch.tensor([18.0, -12.0])
    turn, shift = torch.zeros(3, requires_grad=True), torch.zeros(2, requires_grad=True)
    target = render(model.mean_mm, true_turn, true_shift).opacity
    pictures = [target]
    optimizer = torch.optim.Adam([{"params": [turn], "lr": 0.03}, {"params": [shift], "lr": 1.5}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(STEPS + 1):
        opacity = render(model.mean_mm, turn, shift).opacity
        if step in (0, STEPS):
            between = matrix_from_axis_angle(turn.detach()).T @ matrix_from_axis_angle(true_turn)
            degrees = ((between.trace() - 1) / 2).clamp(-1, 1).acos().rad2deg()
            print(f"pose from a silhouette, step {step}: {degrees:.1f} degrees off")
            pictures.append(opacity.detach())
        optimizer.zero_grad()
        (opacity - target).square().mean().backward()
        optimizer.step()
        schedule.step()
    return pictures


def shape_from_shading() -> list[Tensor]:
    """Identity of a frontal face, from its brightness."""
    still = torch.zeros(3), torch.zeros(2)
    light = torch.tensor([[1.1], [-0.45], [-0.9], [-0.7]]).expand(4, 3)[None]
    true_identity = 1.5 * torch.randn(MODES, generator=torch.Generator().manual_seed(4))
    true_mm = model.mean_mm + torch.tensordot(true_identity, basis_mm, dims=1)
    identity = torch.zeros(MODES, requires_grad=True)
    target = render(true_mm, *still, light).image
    pictures = [target[:, 0]]
    optimizer = torch.optim.Adam([identity], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(STEPS + 1):
        verts_mm = model.mean_mm + torch.tensordot(identity, basis_mm, dims=1)
        image = render(verts_mm, *still, light).image
        if step in (0, STEPS):
            # Where the face is, above all how far away, no shading tells: only its shape counts.
            error_mm = (verts_mm.detach() - true_mm)[model.data.regions["face"]]
            error_mm = (error_mm - error_mm.mean(dim=0)).norm(dim=-1).mean()
            print(f"shape from shading, step {step}: {error_mm:.2f} mm off")
            pictures.append(image.detach()[:, 0])
        optimizer.zero_grad()
        (image - target).square().mean().backward()
        optimizer.step()
        schedule.step()
    return pictures


rows = [torch.cat(pictures, dim=2) for pictures in (pose_from_silhouette(), shape_from_shading())]
sheet = torch.cat(rows, dim=1)[0].clamp(0, 1)
Image.fromarray((sheet * 255).round().byte().numpy()).save("fit.png")
