"""Draws a clay line-up: of each photo the face, and its neutral head from the front and from the side.

python tools/draw_lineup.py FOLDER --out LINEUP.png

FOLDER holds photos as files or in images-*.tar. Two people who look different must look different in clay,
one person twice must look the same. All heads are drawn at one size, upright, without texture, under one
lamp; with --expression a fourth tile shows the head with the expression that was found.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from monoface import Face, Reconstructor, ReconstructorConfig
from monoface.core.arrays import in_torch
from monoface.data.sources import UnlabelledPhotos
from monoface.facemodel import FaceModel
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.pipeline import read_image
from monoface.render import Renderer

TILE_PX = 176
OVERSAMPLING = 3
PEOPLE_ABREAST = 3
WIDE_MM = 238.0
# Pictures are centred on the middle of the mean head, so high above the middle of its face.
UP_MM = 32.0
CLAY, AMBIENT, BACKGROUND = 0.9, 0.1, 0.96
# Towards the lamp, in the camera frame: x right, y down, z away.
LAMP = (-0.55, -0.45, -0.7)
FRONT_DEG, SIDE_DEG = 0.0, 90.0
# Side of the photo's tile over the longer side of the box of the 68 points.
PHOTO_SIDE_PER_BOX = 1.7
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def main() -> int:
    """Reconstruct the photos and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default=ReconstructorConfig.weights)
    parser.add_argument("--count", type=int, default=12, help="most photos")
    parser.add_argument(
        "--keys", default="", help="names without suffix, joined by commas, instead of the first"
    )
    parser.add_argument("--expression", action="store_true", help="a further tile with the expression")
    chosen = parser.parse_args()
    reconstructor = Reconstructor(ReconstructorConfig(weights=chosen.weights, max_faces=1))
    keys = [key for key in chosen.keys.split(",") if key]
    people = []
    for name, photo in photos_of(chosen.folder, chosen.count, keys):
        result = reconstructor.reconstruct(photo)
        if not result.all_faces:
            print(f"{name}: {result.reason}, left out", file=sys.stderr)
            continue
        people.append(tiles_of(result.all_faces[0], expression=chosen.expression))
    if not people:
        print(f"{chosen.folder}: expected photos with faces, found none", file=sys.stderr)
        return 1
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet(people)).save(chosen.out, optimize=True)
    return 0


def photos_of(folder: Path, count: int, keys: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Photos of a folder, as files or in archives: those of the keys, or the first ones."""
    if any(folder.glob("images-*.tar")):
        source = UnlabelledPhotos(folder)
        rows = [source.keys.index(key) for key in keys] or range(min(count, len(source)))
        for row in rows:
            yield source.keys[row], source.image(row)
        return
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if keys:
        paths = [path for path in paths if path.stem in keys]
    for path in paths[:count]:
        yield path.name, read_image(path).image_srgb


@torch.no_grad()
def tiles_of(face: Face, *, expression: bool) -> list[np.ndarray]:
    """The photo, and the clay heads of a face."""
    # The renderer that draws clay is PyTorch's.
    model, found = FaceModel(in_torch(face.skin.model.data)), in_torch(face.posed.coefficients)
    neutral = model.shape(found.identity, torch.zeros_like(found.expression))
    tiles = [photo_tile(face), clay(model, neutral, FRONT_DEG), clay(model, neutral, SIDE_DEG)]
    if expression:
        tiles.append(clay(model, model.shape(found.identity, found.expression), FRONT_DEG))
    return tiles


def photo_tile(face: Face) -> UInt8[np.ndarray, "side side 3"]:
    """The part of the photo around the face."""
    centre = (face.box[:2] + face.box[2:]) / 2 * face.photo.scale
    side = float((face.box[2:] - face.box[:2]).max()) * face.photo.scale * PHOTO_SIDE_PER_BOX
    left, top = centre - side / 2
    zoom = side / TILE_PX
    picture = Image.fromarray(face.photo.image_srgb).transform(
        (TILE_PX, TILE_PX),
        Image.Transform.AFFINE,
        (zoom, 0, left, 0, zoom, top),
        Image.Resampling.BICUBIC,
        fillcolor=(245, 245, 245),
    )
    return np.asarray(picture)


def clay(
    model: FaceModel, verts_mm: Float[Tensor, "1 verts 3"], yaw_deg: float
) -> UInt8[np.ndarray, "side side 3"]:
    """A head in its model frame, turned to a yaw, under one lamp."""
    size = TILE_PX * OVERSAMPLING
    yaw = torch.tensor([np.deg2rad(yaw_deg)], dtype=torch.float32)
    rotation = head_to_camera(head_matrix_from_angles(yaw, torch.zeros(1), torch.zeros(1)))
    face = model.mean_mm[model.data.regions["face"]]
    middle = (model.mean_mm.amin(dim=0) + model.mean_mm.amax(dim=0)) / 2
    middle[1] = (face[:, 1].min() + face[:, 1].max()) / 2 + UP_MM
    placed = transform_points(rotation, torch.tensor([[0.0, 0.0, 1000.0]]), verts_mm - middle)
    camera = WeakPerspectiveCamera(torch.tensor([size / WIDE_MM]), torch.full((1, 2), size / 2))
    drawn = Renderer(model.faces, (size, size), model.weld).render(camera, placed, torch.zeros_like(placed))
    lamp = torch.nn.functional.normalize(torch.tensor(LAMP), dim=0)
    lit = AMBIENT + (1 - AMBIENT) * (drawn.normals[0] @ lamp).clamp(0, 1)
    # A gamma, so that half shadow looks like half shadow.
    grey = torch.where(drawn.mask[0], CLAY * lit ** (1 / 1.7), torch.tensor(BACKGROUND))
    small = torch.nn.functional.avg_pool2d(grey[None, None], OVERSAMPLING)[0, 0]
    return (255 * small.clamp(0, 1)).round().byte().numpy()[..., None].repeat(3, axis=-1)


def sheet(people: list[list[np.ndarray]]) -> UInt8[np.ndarray, "height width 3"]:
    """People side by side in rows; the last row is filled with white."""
    strips = [np.concatenate(tiles, axis=1) for tiles in people]
    strips += [np.full_like(strips[0], 255)] * (-len(strips) % PEOPLE_ABREAST)
    rows = [
        np.concatenate(strips[start : start + PEOPLE_ABREAST], axis=1)
        for start in range(0, len(strips), PEOPLE_ABREAST)
    ]
    return np.concatenate(rows)


if __name__ == "__main__":
    sys.exit(main())
