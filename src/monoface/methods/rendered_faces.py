"""Faces as a network understands them, drawn, and how far the pictures are from the photos."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monoface.facemodel import FaceCoefficients
from monoface.facemodel.coefficients import CoefficientLayout, white_light
from monoface.facemodel.region_mesh import RegionMesh
from monoface.geometry.cameras import AnyCamera, transform_points
from monoface.geometry.face_template import align_faces
from monoface.losses.coefficients import gaussian_prior, mean_squared
from monoface.losses.perceptual import cosine_distance
from monoface.losses.photometric import confident, photometric_distance
from monoface.losses.priors import white_light_prior
from monoface.networks.identity import IdentityEncoder
from monoface.render import RenderedFace, Renderer


@dataclass(frozen=True)
class RenderedFaces:
    """Faces and their pictures.

    Attributes:
        coefficients: What was drawn.
        camera: Of the pictures.
        face: The pictures.
    """

    coefficients: FaceCoefficients
    camera: AnyCamera
    face: RenderedFace


def render_faces(
    mesh: RegionMesh, coefficients: FaceCoefficients, camera: AnyCamera, size_px: int
) -> RenderedFaces:
    """Draw all faces in one call of the renderer."""
    verts_mm = mesh.shape(coefficients.identity, coefficients.expression)
    verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts_mm)
    albedo = mesh.albedo(coefficients.albedo)
    renderer = Renderer(mesh.faces, (size_px, size_px), mesh.weld)
    return RenderedFaces(
        coefficients, camera, renderer.render(camera, verts_camera, albedo, coefficients.light)
    )


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


def picture_distance(
    drawn: RenderedFaces,
    photo: Float[Tensor, "batch 3 size size"],
    skin: Float[Tensor, "batch side side"],
    threshold: float,
) -> Float[Tensor, " batch"]:
    """Colour distance of drawn faces from their photos, over the skin that both show.

    Args:
        drawn: The faces.
        photo: Photos at the size that the faces are drawn at.
        skin: Probability of skin, at any larger size.
        threshold: Probability from which a pixel counts fully; below, it counts so much.
    """
    weight = reduced(confident(skin, threshold)[:, None], photo.shape[-1])[:, 0]
    return photometric_distance(drawn.face.image, photo, weight * drawn.face.mask)


def likeness_distance(
    encoder: IdentityEncoder,
    shown: Float[Tensor, "batch 3 size size"],
    photo: Float[Tensor, "batch 3 size size"],
    landmarks_px: Float[Tensor, "batch 68 2"],
) -> Float[Tensor, " batch"]:
    """How unlike pictures and photos look to an encoder; both are aligned by one set of landmarks."""
    pictures = (
        align_faces(one, landmarks_px, encoder.size_px, encoder.template)
        for one in (shown.clamp(0, 1), photo)
    )
    seen, true = pictures
    with torch.no_grad():
        wanted = encoder.embed(true)
    return cosine_distance(encoder.embed(seen), wanted)


def appearance_terms(
    layout: CoefficientLayout,
    found: FaceCoefficients,
    outputs: Float[Tensor, "batch outputs"],
    lit: Bool[Tensor, " batch"],
) -> dict[str, Float[Tensor, " batch"]]:
    """Albedo and light against what is known of them, else against what they are usually like.

    Args:
        layout: Of the outputs.
        found: Predicted faces.
        outputs: What is known of them.
        lit: Where albedo and light are.
    """
    true_albedo, true_light = layout.split_appearance(outputs)
    true_light = true_light + white_light(true_light)
    known = lit.to(true_light)
    return {
        "albedo": mean_squared(found.albedo, true_albedo) * known,
        "light": mean_squared(found.light.flatten(1), true_light.flatten(1)) * known,
        "albedo_prior": gaussian_prior(found.albedo) * (1 - known),
        "white_light": white_light_prior(found.light) * (1 - known),
    }
