"""The albedo basis of the default model: per-vertex linear RGB, learned from delit portraits."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from monoface.core.errors import ConfigError
from monoface.facemodel.data import FaceModelData
from monoface.modelling.albedo.delight import DelitPortraits, delight
from monoface.modelling.albedo.portraits import PortraitSamples
from monoface.modelling.albedo.skin_mesh import SkinMesh
from monoface.modelling.mesh.symmetry import as_tensor

# Sum of trust over the portraits below which a vertex is filled in from its surroundings.
_MIN_TRUST = 8.0
_TINT_SHARE = 0.5
# A person's own deviations are known where the weight is above this, and fade in up to it.
_FULL_WEIGHT = 0.3
_OWN_LIMIT_LOG = 0.5
# So many unit steps of the first mode reach the darkest and lightest portraits.
_TONE_RANGE = 2.5


@dataclass(frozen=True)
class AlbedoConfig:
    """How the albedo basis is made.

    Attributes:
        modes: Number of modes; the first goes from dark to light skin, the second along its tint.
    """

    modes: int = 12

    def __post_init__(self) -> None:
        if self.modes < 2:
            raise ConfigError(f"albedo modes: expected at least 2, for tone and tint, got {self.modes}.")


@dataclass(frozen=True)
class AlbedoBasis:
    """Mean and unit-variance modes of albedo, linear RGB."""

    mean: Float[np.ndarray, "verts 3"]
    modes: Float[np.ndarray, "modes verts 3"]


def with_learned_albedo(
    data: FaceModelData, samples: PortraitSamples, config: AlbedoConfig | None = None
) -> FaceModelData:
    """The face model with its skin's albedo learned from portraits; painted parts keep their colour.

    Args:
        data: The face model.
        samples: Colours of the portraits.
        config: Size of the basis.
    """
    delit = delight(samples, data.mirror.numpy(), data.regions["narrow_face"].numpy())
    basis = albedo_basis(data, delit, config or AlbedoConfig())
    skin = data.regions["skin"][:, None]
    mean = torch.where(skin, as_tensor(basis.mean), data.albedo_mean)
    return replace(data, albedo_mean=mean, albedo_basis=as_tensor(basis.modes) * skin)


def albedo_basis(data: FaceModelData, delit: DelitPortraits, config: AlbedoConfig) -> AlbedoBasis:
    """Mean and modes of the portraits' albedo, symmetric, filled in where portraits show no skin.

    The first mode leads from the darkest to the lightest skin, with all that changes on the way; its spread
    is set by the range of tones rather than by their variance, since people are no Gaussian in brightness.
    The others are principal components of what is left. Both are found for the logarithm of albedo, where
    skin stays positive, and made linear afterwards: the first mode through its two ends, the others at a
    tone between the darkest and the middle, so that they do not overwhelm dark skin.
    """
    mesh = SkinMesh(data, delit.weight.sum(axis=0) >= _MIN_TRUST)
    own = mesh.fade(_symmetric_own(delit, data.mirror.numpy()))
    logs = np.log(delit.tone)[:, None] + mesh.fill(delit.shared) + _with_less_tint(own)
    brightness = np.log(delit.tone).mean(axis=1)
    low, high = np.percentile(brightness, (2, 98))
    design = np.stack((np.ones_like(brightness), brightness), axis=1)
    line = np.linalg.lstsq(design, logs.reshape(len(logs), -1), rcond=None)[0]
    dark, light, reference = (np.exp(line[0] + line[1] * b) for b in (low, high, low + (high - low) / 3))
    rest = logs.reshape(len(logs), -1) - design @ line
    tone_mode = (light - dark) / (2 * _TONE_RANGE)
    modes = [tone_mode, *(reference * mode for mode in _principal_modes(rest, mesh, config.modes - 1))]
    basis = np.stack(((light + dark) / 2, *modes)).reshape(config.modes + 1, -1, 3)
    basis = (basis + basis[:, data.mirror.numpy()]) / 2
    return AlbedoBasis(basis[0], basis[1:])


def _with_less_tint(own: Float[np.ndarray, "portraits verts 3"]) -> Float[np.ndarray, "portraits verts 3"]:
    """Deviations with their colour pulled towards grey: coloured reflections and shadows are not skin."""
    grey = own.mean(axis=-1, keepdims=True)
    return grey + _TINT_SHARE * (own - grey)


def _principal_modes(rest: np.ndarray, mesh: SkinMesh, count: int) -> list[np.ndarray]:
    """Principal components, weighted by the area of the vertices, each as one standard deviation."""
    root = np.sqrt(np.repeat(mesh.area, 3))
    left, singular, _ = np.linalg.svd(rest * root, full_matrices=False)
    scores = left[:, :count] * np.sqrt(len(rest))
    return [scores[:, k] @ rest / len(rest) for k in range(min(count, len(singular)))]


def _symmetric_own(delit: DelitPortraits, mirror: np.ndarray) -> Float[np.ndarray, "portraits verts 3"]:
    """Own deviations with the unseen side taken from the other, faded out where neither is seen."""
    weight = np.stack((delit.weight, delit.weight[:, mirror]))
    own = np.clip(np.stack((delit.own, delit.own[:, mirror])), -_OWN_LIMIT_LOG, _OWN_LIMIT_LOG)
    total = weight.sum(axis=0)
    mean: np.ndarray = (weight[..., None] * own).sum(axis=0) / np.maximum(total, 1e-6)[..., None]
    return mean * np.minimum(total / _FULL_WEIGHT, 1)[..., None]
