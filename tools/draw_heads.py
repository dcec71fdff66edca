"""Draws a sheet of textured neutral heads at 55 degrees from both sides, each beside its photo.

python tools/draw_heads.py DATA/portraits_cc0 --out docs/images/heads.jpg

What textures hold beside the face is seen from there: skin, and nothing of hair, clothes and background.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from draw_lineup import OVERSAMPLING, TILE_PX, UP_MM, WIDE_MM, photo_tile, photos_of, sheet
from jaxtyping import UInt8
from PIL import Image

from monoface import Face, Reconstructor, ReconstructorConfig
from monoface.core.arrays import in_torch
from monoface.facemodel import FaceModel
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.raster import interpolate, rasterize, texture
from monoface.render import project

YAWS_DEG = (55.0, -55.0)
BACKGROUND = 0.94


def main() -> int:
    """Reconstruct the photos and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=18, help="most photos")
    parser.add_argument("--keys", default="", help="names without suffix, joined by commas")
    chosen = parser.parse_args()
    reconstructor = Reconstructor(ReconstructorConfig(max_faces=1))
    people = []
    for name, photo in photos_of(chosen.folder, chosen.count, [key for key in chosen.keys.split(",") if key]):
        faces = reconstructor.reconstruct(photo).faces
        if not faces:
            print(f"{name}: no face, left out", file=sys.stderr)
            continue
        people.append([photo_tile(faces[0]), *(textured(faces[0], yaw) for yaw in YAWS_DEG)])
    if not people:
        print(f"{chosen.folder}: expected photos with faces, found none", file=sys.stderr)
        return 1
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet(people)).save(chosen.out, quality=88, optimize=True)
    return 0


def textured(face: Face, yaw_deg: float) -> UInt8[np.ndarray, "side side 3"]:
    """The neutral head, turned to a yaw, with its texture and no other light."""
    size, model = TILE_PX * OVERSAMPLING, FaceModel(in_torch(face.skin.model.data))
    neutral = torch.from_numpy(face.skin.neutral_verts_mm)[None]
    middle = (neutral[0].amin(dim=0) + neutral[0].amax(dim=0)) / 2
    middle[1] += UP_MM
    yaw = torch.tensor([np.deg2rad(yaw_deg)], dtype=torch.float32)
    rotation = head_to_camera(head_matrix_from_angles(yaw, torch.zeros(1), torch.zeros(1)))
    placed = transform_points(rotation, torch.tensor([[0.0, 0.0, 1000.0]]), neutral - middle)
    camera = WeakPerspectiveCamera(torch.tensor([size / WIDE_MM]), torch.full((1, 2), size / 2))
    fragments = rasterize(project(camera, placed), model.faces, (size, size))
    uv = interpolate(model.uv[None].contiguous(), model.faces, fragments)
    colours = torch.from_numpy(face.texture.copy()).permute(2, 0, 1)[None].float() / 255
    image = torch.where(fragments.mask[0][..., None], texture(colours, uv)[0], torch.tensor(BACKGROUND))
    small = torch.nn.functional.avg_pool2d(image.permute(2, 0, 1)[None], OVERSAMPLING)[0]
    return (255 * small.clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()


if __name__ == "__main__":
    sys.exit(main())
