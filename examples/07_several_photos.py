"""Several photos of one person, one face. The photos are drawn here: one head from three sides."""

from pathlib import Path

import numpy as np
import torch

from monoface import Reconstructor, ReconstructorConfig, reconstruct_together
from monoface.facemodel import load_default_model
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.render import Renderer
from monoface.shading import ambient_light

SIZE = 320


def render(yaw_deg: float, seed: int) -> np.ndarray:
    """A photo of the same head, turned."""
    model = load_default_model()
    rng = torch.Generator().manual_seed(seed)
    identity = torch.randn(1, model.identity_size, generator=rng)
    albedo = model.albedo(torch.randn(1, model.albedo_size, generator=rng))
    angles = [torch.tensor([angle]).deg2rad() for angle in (yaw_deg, 0.0, 0.0)]
    rotation = head_to_camera(head_matrix_from_angles(*angles))
    verts_mm = model.shape(identity, torch.zeros(1, model.expression_size))
    verts = transform_points(rotation, torch.tensor([[0.0, 0.0, 1000.0]]), verts_mm)
    camera = WeakPerspectiveCamera(torch.tensor([0.9]), torch.full((1, 2), SIZE / 2))
    light = ambient_light(torch.full((1, 3), 3.0))
    drawn = Renderer(model.faces, (SIZE, SIZE), model.weld).render(camera, verts, albedo, light)
    picture = torch.where(drawn.mask[:, None], drawn.image, 0.6)[0]
    return (picture.clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy()


def main() -> None:
    """Bring three views together and write the face."""
    photos = [render(yaw_deg, seed=3) for yaw_deg in (-35.0, 0.0, 35.0)]
    result = reconstruct_together(photos, Reconstructor(ReconstructorConfig(texture_size=512)))
    print(result)
    for photo in result.photos:
        yaws = [f"yaw {face.yaw_deg:.0f} degrees" for face in photo.faces]
        print(photo.status, photo.reason, *yaws)
    if result.face is not None:
        Path("out").mkdir(exist_ok=True)
        result.save("out/together.glb", overwrite=True)


if __name__ == "__main__":
    main()
