"""Draws a contact sheet: portraits as grey clay, without and with their relief.

python tools/draw_detail.py DATA/portraits_cc0 docs/images/detail.jpg

No pixel of a photo is shown. Each portrait takes four tiles: coarse and fine, from one side in grazing light,
then from the other side.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from monoface import Face, Reconstructor, ReconstructorConfig
from monoface.data.sources import PortraitsCc0
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.geometry.triangles import vertex_normals
from monoface.pipeline.dense_skin import ClosedSkin
from monoface.pipeline.detailing import Detailer
from monoface.raster import interpolate, rasterize
from monoface.render import project
from monoface.render.texture_surface import TextureSurface

SIZE_PX = 250
OVERSAMPLING = 3
PORTRAITS_ABREAST = 2
WIDE_MM = 152.0
# Pictures are centred above the middle of the face, so that all of the forehead is seen.
FOREHEAD_MM = (0.0, 13.0)
BACKGROUND = 0.94
# Yaw of the head, and where the lamp stands in the camera frame: x right, y down, z away.
VIEWS = ((-20.0, (0.9, -0.35, -0.35)), (20.0, (-0.9, -0.35, -0.35)))


def main() -> None:
    """Reconstruct the portraits and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", default="relief")
    parser.add_argument("--keys", default="58,57,17,1,153,126,16,15,109,123,7,104")
    chosen = parser.parse_args()
    reconstructor = Reconstructor(ReconstructorConfig(detail=chosen.weights))
    source = PortraitsCc0(chosen.data)
    photos = source.iter_images([int(key) for key in chosen.keys.split(",")])
    rows = [
        np.concatenate([tile for view in VIEWS for tile in _pair(result.faces[0], *view)], axis=1)
        for result in reconstructor.reconstruct_many(photos)
        if result.faces
    ]
    whole = len(rows) // PORTRAITS_ABREAST * PORTRAITS_ABREAST
    sheet = [
        np.concatenate(rows[start : start + PORTRAITS_ABREAST], axis=1)
        for start in range(0, whole, PORTRAITS_ABREAST)
    ]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(sheet)).save(chosen.out, quality=82, optimize=True)


@torch.no_grad()
def _pair(face: Face, yaw_deg: float, lamp: tuple[float, float, float]) -> list[np.ndarray]:
    """The coarse and the fine head, turned to a yaw, under one lamp."""
    yaw = torch.tensor([np.deg2rad(yaw_deg)], dtype=torch.float32)
    rotation = head_to_camera(head_matrix_from_angles(yaw, torch.zeros(1), torch.zeros(1)))
    verts_mm = torch.as_tensor(face.verts_mm)[None]
    verts = transform_points(rotation, torch.tensor([[0.0, 0.0, 1000.0]]), verts_mm)[0]
    finest = face.skin.assets.detailer
    assert face.detail is not None
    assert finest is not None
    detailer = finest.at(face.detail.size)
    height = torch.from_numpy(face.detail.height_mm)
    model, displacer = detailer.displacer.model, detailer.displacer
    surface = TextureSurface.from_vertices(verts[None], displacer.layout, model.uv, model.weld)
    tiles = []
    for map_mm in (torch.zeros_like(height), height):
        normals = displacer.normals(map_mm[None], surface)[0].movedim(-1, 0)
        skin = detailer.dense.closed(verts, map_mm)
        tiles.append(_clay(verts, skin, detailer.dense.from_texture(normals), detailer, lamp))
    return tiles


def _clay(
    verts: Tensor, skin: ClosedSkin, normals: Tensor, detailer: Detailer, lamp: tuple[float, float, float]
) -> np.ndarray:
    model = detailer.displacer.model
    others = model.faces[model.data.face_part != model.data.part_names.index("skin")]
    faces = torch.cat((skin.faces, others + len(skin.points)))
    coarse = vertex_normals(verts, model.faces, model.weld)
    border = coarse[detailer.dense.border.verts]
    along = torch.nn.functional.normalize(torch.cat((normals, border, coarse)), dim=-1)
    side = SIZE_PX * OVERSAMPLING
    region = model.data.regions["narrow_face"]
    centre = (verts[region, :2].amax(dim=0) + verts[region, :2].amin(dim=0)) / 2 - torch.tensor(FOREHEAD_MM)
    scale = torch.tensor([side / WIDE_MM])
    camera = WeakPerspectiveCamera(scale, side / 2 - centre[None] * scale)
    shown = rasterize(project(camera, torch.cat((skin.points, verts))[None]), faces, (side, side))
    turned = torch.nn.functional.normalize(interpolate(along[None], faces, shown)[0], dim=-1)
    toward = torch.nn.functional.normalize(torch.tensor(lamp), dim=0)
    light = 0.04 + 0.58 * (turned @ toward).clamp_min(0) - 0.14 * turned[..., 2].clamp_max(0)
    image = torch.where(shown.mask[0], light.clamp(0, 1) ** (1 / 2.2), torch.tensor(BACKGROUND))
    small = torch.nn.functional.avg_pool2d(image[None, None], OVERSAMPLING)[0, 0]
    return (255 * small).round().byte().numpy()


if __name__ == "__main__":
    main()
