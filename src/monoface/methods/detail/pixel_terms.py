"""The published terms that are taken in pixels: displaced meshes drawn again, against their photos."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.losses.smoothness import displacement_size, masked_mean
from monoface.render import DenseMesh, RenderedFace, Renderer

_EIGHT_BITS = 255.0


@dataclass(frozen=True)
class Pictures:
    """Photos that dense meshes are drawn over.

    Attributes:
        photo: sRGB, 0 to 1.
        camera: Of the photos.
    """

    photo: Float[Tensor, "batch 3 side side"]
    camera: WeakPerspectiveCamera


@dataclass(frozen=True)
class DenseFaces:
    """Coarse and displaced meshes with a vertex a texel, in the frame of the camera.

    Attributes:
        coarse: Vertices before they are displaced, millimetres.
        moved: Vertices after.
        albedo: Linear RGB.
        light: Spherical harmonics, linear RGB; it stays as it is, as albedo does.
        weight: How far each vertex shows skin that may be displaced, 0 to 1.
    """

    coarse: Float[Tensor, "batch dense 3"]
    moved: Float[Tensor, "batch dense 3"]
    albedo: Float[Tensor, "batch dense 3"]
    light: Float[Tensor, "batch 9 3"]
    weight: Float[Tensor, "batch dense"]


def pixel_terms(mesh: DenseMesh, faces: DenseFaces, pictures: Pictures) -> dict[str, Float[Tensor, " batch"]]:
    """Photometric error of displaced faces in steps of 8 bits, and the difference of both depths.

    Gradients reach the displaced vertices through their normals, what they cover, and their depth; what is
    covered by what does not change. Zero for faces of which nothing is seen.

    Args:
        mesh: Topology of the faces.
        faces: Before and after.
        pictures: The photos.
    """
    side = pictures.photo.shape[-1]
    renderer = Renderer(mesh.faces, (side, side))
    fine = renderer.render(pictures.camera, faces.moved, faces.albedo, faces.light)
    with torch.no_grad():
        coarse = renderer.render(pictures.camera, faces.coarse, faces.albedo)
    skin = fine.interpolate(faces.weight[..., None])[..., 0]
    difference = _EIGHT_BITS * (fine.over(pictures.photo) - pictures.photo)
    distance = (difference.square().sum(dim=1) + 1e-8).sqrt()
    both = (fine.mask & coarse.mask).to(skin)
    return {
        "photo": masked_mean(distance, skin),
        "depth": displacement_size(_depth(fine, faces.moved) - coarse.depth, both),
    }


def _depth(drawn: RenderedFace, verts: Tensor) -> Float[Tensor, "batch side side"]:
    """Depth of pixels, with its gradient; that of the fragments only decides what is in front."""
    return drawn.interpolate(verts[..., 2:])[..., 0]
