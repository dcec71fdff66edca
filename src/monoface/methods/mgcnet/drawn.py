"""Views as a network understands them, drawn."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monoface.facemodel import FaceCoefficients
from monoface.facemodel.region_mesh import RegionMesh
from monoface.geometry.cameras import AnyCamera, transform_points
from monoface.methods.mgcnet.config import Shared
from monoface.render import RenderedFace, Renderer

TARGET = 1
"""The target among the views of a sample, as published: the one in the middle."""


@dataclass(frozen=True)
class DrawnViews:
    """Faces and their pictures, one for each view, those of a sample together.

    Attributes:
        coefficients: What was drawn.
        camera: Of the pictures.
        face: The pictures.
    """

    coefficients: FaceCoefficients
    camera: AnyCamera
    face: RenderedFace


def draw_views(
    mesh: RegionMesh, coefficients: FaceCoefficients, camera: AnyCamera, size_px: int
) -> DrawnViews:
    """Draw all views in one call of the renderer."""
    verts_mm = mesh.shape(coefficients.identity, coefficients.expression)
    verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts_mm)
    albedo = mesh.albedo(coefficients.albedo)
    renderer = Renderer(mesh.faces, (size_px, size_px), mesh.weld)
    return DrawnViews(coefficients, camera, renderer.render(camera, verts_camera, albedo, coefficients.light))


def reduced(
    image: Float[Tensor, "batch channels side side"], size_px: int
) -> Float[Tensor, "batch channels {size_px} {size_px}"]:
    """Square pictures made smaller: by whole factors as means, else antialiased as the pipeline's crops."""
    side = image.shape[-1]
    if side == size_px:
        return image
    if side % size_px == 0:
        return torch.nn.functional.avg_pool2d(image, side // size_px)
    size = (size_px, size_px)
    return torch.nn.functional.interpolate(image, size, mode="bilinear", antialias=True)


def shared_over_views(
    values: Float[Tensor, "batch views coeffs"], together: Bool[Tensor, " batch"], shared: Shared
) -> Float[Tensor, "batch views coeffs"]:
    """Coefficients of which the views of one person have the same, in samples that show one person."""
    if shared == "none":
        return values
    chosen = values[:, TARGET : TARGET + 1] if shared == "target" else values.mean(dim=1, keepdim=True)
    return torch.where(together[:, None, None], chosen.expand_as(values), values)
