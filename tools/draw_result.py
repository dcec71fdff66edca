"""Draws the README's picture: a photo, what was found in it, and the written GLB from several sides.

python tools/draw_result.py examples/astronaut.png docs/images/result.png
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from monoface import Face, Reconstructor
from monoface.core.arrays import in_torch
from monoface.facemodel import FaceModel
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.raster import interpolate, rasterize, texture
from monoface.render import Renderer, project

SIZE_PX = 360
BACKGROUND = 0.94
YAWS_DEG = (0.0, 40.0, -75.0)


def main() -> None:
    """Reconstruct the photo and write the picture."""
    photo, out = Path(sys.argv[1]), Path(sys.argv[2])
    result = Reconstructor().reconstruct(photo)
    face = result.faces[0]
    overlay = Path(out.parent) / "overlay.tmp.png"
    result.save(overlay, overwrite=True)
    tiles = [_around_face(Image.open(photo).convert("RGB"), face), _around_face(Image.open(overlay), face)]
    overlay.unlink()
    tiles += [_view(face, yaw, textured=True) for yaw in YAWS_DEG]
    tiles += [_view(face, yaw, textured=False) for yaw in YAWS_DEG[1:]]
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(tiles, axis=1)).save(out, optimize=True)


def _around_face(picture: Image.Image, face: Face) -> np.ndarray:
    left, top, right, bottom = (float(edge) for edge in face.box)
    centre_x, centre_y, half = (left + right) / 2, (top + bottom) / 2, 0.95 * max(right - left, bottom - top)
    box = (centre_x - half, centre_y - half, centre_x + half, centre_y + half)
    square = picture.convert("RGB").crop(tuple(round(edge) for edge in box))
    return np.asarray(square.resize((SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS))


def _view(face: Face, yaw_deg: float, *, textured: bool) -> np.ndarray:
    """The head turned to a yaw, with its texture or as grey clay under a lamp from above."""
    yaw = torch.tensor([np.deg2rad(yaw_deg)], dtype=torch.float32)
    rotation = head_to_camera(head_matrix_from_angles(yaw, torch.zeros(1), torch.zeros(1)))
    # The renderer that draws clay is PyTorch's.
    model = FaceModel(in_torch(face.skin.model.data))
    verts = torch.as_tensor(face.verts_mm, dtype=torch.float32)[None]
    verts_camera = transform_points(rotation, torch.tensor([[0.0, 0.0, 1000.0]]), verts)
    skin = model.data.regions["face"]
    centre = (verts_camera[0, skin, :2].amax(dim=0) + verts_camera[0, skin, :2].amin(dim=0)) / 2
    scale = torch.tensor([SIZE_PX * 2 / 270.0])
    camera = WeakPerspectiveCamera(scale, SIZE_PX - centre[None] * scale)
    size = (2 * SIZE_PX, 2 * SIZE_PX)
    if textured:
        fragments = rasterize(project(camera, verts_camera), model.faces, size)
        uv = interpolate(model.uv[None].contiguous(), model.faces, fragments)
        colours = torch.from_numpy(face.texture.copy()).permute(2, 0, 1)[None].float() / 255
        image, mask = texture(colours, uv)[0], fragments.mask[0]
    else:
        light = torch.zeros(1, 9, 3)
        light[:, 0], light[:, 1], light[:, 2], light[:, 3] = 2.2, -1.0, -1.6, -0.6
        clay = torch.full_like(verts, 0.55)
        rendered = Renderer(model.faces, size, model.weld).render(camera, verts_camera, clay, light)
        image, mask = rendered.image[0].permute(1, 2, 0), rendered.mask[0]
    image = torch.where(mask[..., None], image.clamp(0, 1), torch.tensor(BACKGROUND))
    small = torch.nn.functional.avg_pool2d(image.permute(2, 0, 1)[None], 2)[0].permute(1, 2, 0)
    return (255 * small).round().byte().numpy()


if __name__ == "__main__":
    main()
