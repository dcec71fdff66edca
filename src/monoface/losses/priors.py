"""What faces and light are usually like, beside the Gaussian prior of `losses.coefficients`.

A picture is albedo times light, so a photo alone cannot tell dark skin in bright light from light skin in
dim light, nor the tint of one from that of the other. These terms say which explanation is preferred.
"""

from jaxtyping import Float, Int
from torch import Tensor


def white_light_prior(light: Float[Tensor, "batch coeffs 3"]) -> Float[Tensor, " batch"]:
    """Squared deviation of a light from its grey counterpart, as a share of that one's squared size.

    The size is without gradient, so that the term pulls towards white, and neither brighter nor darker.

    Args:
        light: SH coefficients of incoming radiance, linear RGB.

    Reference:
        Deng et al., "Accurate 3D Face Reconstruction with Weakly-Supervised Learning", CVPR workshops
        2019, have the plain squared deviation ("gamma loss"), which grows with the brightness.
    """
    grey = light.mean(dim=-1, keepdim=True)
    size = grey.detach().square().sum(dim=(1, 2)) * light.shape[-1]
    return (light - grey).square().sum(dim=(1, 2)) / size.clamp_min(1e-8)


def symmetry_prior(
    values: Float[Tensor, "batch verts channels"], mirror: Int[Tensor, " verts"]
) -> Float[Tensor, " batch"]:
    """Mean squared difference of values at vertices, such as albedo, and at their mirror images."""
    return (values - values[:, mirror]).square().mean(dim=(1, 2))


def flatness_prior(
    albedo: Float[Tensor, "batch verts channels"], weights: Float[Tensor, " verts"]
) -> Float[Tensor, " batch"]:
    """Weighted variance of albedo over the vertices: what shading explains should not be painted on.

    Args:
        albedo: At vertices.
        weights: Such as the vertices' areas within a region of skin; not all zero.
    """
    share = (weights / weights.sum())[:, None]
    mean = (share * albedo).sum(dim=1, keepdim=True)
    return (share * (albedo - mean).square()).sum(dim=(1, 2)) / albedo.shape[-1]


def lateral_light_prior(light: Float[Tensor, "batch 9 3"]) -> Float[Tensor, " batch"]:
    """Share of a light that comes more from one side of the picture than from the other.

    Args:
        light: SH coefficients in the camera frame, rows ordered as in `shading.sh_basis`: those of x, xy
            and xz change their sign when the picture is mirrored.
    """
    lateral = light[:, (3, 4, 7)].square().sum(dim=(1, 2))
    return lateral / light.detach().square().sum(dim=(1, 2)).clamp_min(1e-8)
