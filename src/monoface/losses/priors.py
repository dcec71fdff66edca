"""What light is usually like.

A picture is albedo times light, so a photo alone cannot tell the tint of one from that of the other. This
term says which explanation is preferred.
"""

from jaxtyping import Float
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
