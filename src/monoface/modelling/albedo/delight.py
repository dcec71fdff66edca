"""Light and albedo of many fitted portraits, told apart together.

A portrait's colours are albedo times irradiance / pi. Albedo is written as the person's skin tone, times a
map that all people share (lips are redder, brows darker), times the person's own deviations. Two things
cannot be seen in one photo: whether skin is dark or light is dim, and whether skin is reddish or light is.
They are settled by priors over all portraits, see `skin_tones`. A third, whether a slow change over the
face is shading or albedo, is always given to the light, as far as a function of the normal explains it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from monoface.modelling.albedo.portraits import PortraitSamples
from monoface.shading import sh_basis

# Degrees 0, 1 and 2 of the clamped cosine over pi: coefficients of radiance to irradiance / pi.
_COSINE_LOBE = np.array((1.0, *3 * (2 / 3,), *5 * (1 / 4,)))
# Deviations in log colour beyond which a vertex is taken for hair, glasses or a highlight.
_ROBUST_LOG = 0.4
_ROUNDS = 6
# Ridge on the light's shape: degree 2 is hard to see on a face and stays small.
_LIGHT_RIDGE = np.array((0.0, *3 * (0.01,), *5 * (0.04,)))
_DARKEST = 1e-3

# How much of the portraits' spread in brightness is skin, and the rest exposure and strength of the light.
SKIN_SHARE_OF_BRIGHTNESS = 0.9
# How much of the tones' deviation from the common line of skin tones is skin, and the rest colour of light.
SKIN_SHARE_OF_TINT = 0.35
# Linear RGB of the middle of the portraits: the geometric mean of the light and the dark skin patch of the
# ColorChecker chart. So the portraits' common tint, warm light and warm cameras, is not taken for skin.
_MIDDLE_ALBEDO = np.array((0.303, 0.159, 0.113))


@dataclass(frozen=True)
class DelitPortraits:
    """What is left of portraits without their light.

    Attributes:
        tone: Skin tone of each person, linear RGB.
        shared: Logarithm of the map that all share, RGB; zero on average over the skin.
        own: Logarithm of each person's own deviations.
        weight: How far they can be trusted: visible and neither hair, glasses nor highlight.
    """

    tone: Float[np.ndarray, "portraits 3"]
    shared: Float[np.ndarray, "verts 3"]
    own: Float[np.ndarray, "portraits verts 3"]
    weight: Float[np.ndarray, "portraits verts"]


def delight(samples: PortraitSamples, mirror: np.ndarray, skin: Bool[np.ndarray, " verts"]) -> DelitPortraits:
    """Separate light and albedo.

    Args:
        samples: Colours of the vertices in the photos.
        mirror: Mirror image of each vertex; the shared map is symmetric.
        skin: Vertices that show skin, lips or brows; the others get no weight.
    """
    log_colour = np.log(np.maximum(samples.colour, _DARKEST)).astype(np.float64)
    weight = samples.weight * skin * (samples.colour.max(axis=-1) < 0.98)
    basis = sh_basis(torch.from_numpy(samples.normals)).numpy().astype(np.float64) * _COSINE_LOBE
    basis /= basis[..., :1]
    shared = np.zeros(log_colour.shape[1:])
    trust = weight.copy()
    for _ in range(_ROUNDS):
        observed = np.exp(log_colour - shared)
        light = _white_lights(observed, basis, trust)
        log_shading = np.log(np.maximum(np.einsum("pvk,pk->pv", basis, light), 0.05))
        # The light is as strong as makes its shading 1 on average over the face.
        log_shading -= _weighted_mean(log_shading[..., None], trust)
        log_tone = _weighted_mean(log_colour - shared - log_shading[..., None], trust)
        residual = log_colour - log_tone[:, None] - log_shading[..., None]
        trust = weight / (1 + (np.abs(residual - shared).max(axis=-1) / _ROBUST_LOG) ** 2)
        mean = (trust[..., None] * residual).sum(axis=0) / np.maximum(trust.sum(axis=0), 1e-6)[:, None]
        shared = (mean + mean[mirror]) / 2 * skin[:, None]
        shared -= _explained_by_normal(shared, basis, trust)
    tone = skin_tones(np.exp(log_tone))
    return DelitPortraits(tone, shared, (residual - shared) * skin[:, None], trust)


def skin_tones(observed: Float[np.ndarray, "portraits 3"]) -> Float[np.ndarray, "portraits 3"]:
    """Albedo of skin from its mean colour in photos of unknown exposure and white balance.

    In log RGB the observed tones of many people lie around a line, from dark to light. Exposure moves
    them along (1, 1, 1), the colour of light across. With Gaussian spreads of both, the expected tone is
    the observed one pulled towards the middle along brightness, and towards the line across it. What
    all tones have in common is replaced by a measured middle.
    """
    logs = np.log(observed)
    middle = np.median(logs, axis=0)
    brightness = (logs - middle).mean(axis=1)
    robust = np.abs(brightness - np.median(brightness)) < 3 * brightness.std()
    slope = (brightness[robust, None] * (logs - middle)[robust]).sum(axis=0) / (brightness[robust] ** 2).sum()
    on_line = brightness[:, None] * slope
    tint = logs - middle - on_line
    return np.exp(np.log(_MIDDLE_ALBEDO) + SKIN_SHARE_OF_BRIGHTNESS * on_line + SKIN_SHARE_OF_TINT * tint)


def _weighted_mean(values: np.ndarray, weight: np.ndarray) -> Float[np.ndarray, "portraits channels"]:
    total = np.maximum(weight.sum(axis=1), 1e-6)
    mean: np.ndarray = np.einsum("pv,pvc->pc", weight, values) / total[:, None]
    return mean


def _white_lights(
    observed: np.ndarray, basis: np.ndarray, weight: np.ndarray
) -> Float[np.ndarray, "portraits 9"]:
    """White light of each portrait, of any strength, fitted to the mean of its evened-out channels."""
    total = np.maximum(weight.sum(axis=1), 1e-6)
    grey = (observed / _weighted_mean(observed, weight)[:, None]).mean(axis=-1)
    gram = np.einsum("pv,pvk,pvl->pkl", weight, basis, basis, optimize=True) / total[:, None, None]
    right = np.einsum("pv,pvk,pv->pk", weight, basis, grey) / total[:, None]
    light: np.ndarray = np.linalg.solve(gram + np.diag(_LIGHT_RIDGE), right[..., None])[..., 0]
    return light


def _explained_by_normal(shared: np.ndarray, basis: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """The part of a map that a function of the normal (the mean one over the portraits) explains."""
    weight = trust.sum(axis=0)
    mean_basis = (trust[..., None] * basis).sum(axis=0) / np.maximum(weight, 1e-6)[:, None]
    weighted = mean_basis * weight[:, None]
    gram = weighted.T @ mean_basis + 1e-6 * weight.sum() * np.eye(9)
    explained: np.ndarray = mean_basis @ np.linalg.solve(gram, weighted.T @ shared)
    return explained * (weight > 0)[:, None]
