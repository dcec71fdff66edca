"""A picture of the face model's mean head: something to measure with that needs no photo."""

import numpy as np
import torch
from jaxtyping import UInt8

from monoface.facemodel import load_default_model
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import HALF_TURN_ABOUT_X
from monoface.render import Renderer, composite
from monoface.shading import ambient_light

# The head, 260 mm high, then fills a little more than half of the picture's height.
_SCALE_PER_HEIGHT = 0.0025
_BACKGROUND = 0.6


def render_mean_head(width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
    """The mean head of the shipped face model, frontal, lit from above, before grey."""
    model = load_default_model()
    rotation = torch.tensor(HALF_TURN_ABOUT_X)[None]
    verts_camera = transform_points(rotation, torch.tensor([[0.0, 0.0, 1000.0]]), model.mean_mm[None])
    camera = WeakPerspectiveCamera(
        torch.tensor([_SCALE_PER_HEIGHT * height]), torch.tensor([[0.5 * width, 0.45 * height]])
    )
    light = ambient_light(torch.tensor([[2.6, 2.6, 2.6]]))
    # From above and from the camera: the second and third harmonics grow along y and z.
    light[:, 1] -= 0.5
    light[:, 2] -= 0.9
    albedo = model.albedo(torch.zeros(1, model.albedo_size))
    rendered = Renderer(model.faces, (height, width), model.weld).render(camera, verts_camera, albedo, light)
    background = torch.full((1, 3, height, width), _BACKGROUND)
    picture = composite(rendered.image.clamp(0, 1), background, rendered.mask)[0]
    return (picture * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
