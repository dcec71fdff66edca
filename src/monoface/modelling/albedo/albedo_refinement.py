"""The albedo basis refined on the portraits it came from: each photo explained by light, albedo and no more.

The basis of `learning.albedo` is made of portraits that were delit one by one. Here light, albedo and the
basis itself are found together: photos are fitted with the basis as it is, as the pipeline fits them, then
every vertex takes the mean and modes that explain its colours in all photos best, by turns. That is
expectation maximisation for a factor model whose loadings are lit. The basis stays where it is, as far as
photos do not say otherwise, so that what cannot be seen (is skin dark, or light dim?) is not decided anew.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from monoface.core.arrays import in_torch
from monoface.core.errors import ConfigError
from monoface.facemodel.data import FaceModelData
from monoface.facemodel.model import FaceModel
from monoface.modelling.albedo.portraits import PortraitSamples
from monoface.modelling.albedo.skin_mesh import SkinMesh
from monoface.modelling.mesh.symmetry import as_tensor
from monoface.shading import linear_to_srgb, sh_irradiance
from monoface.texturing.appearance import Appearance, fit_appearance

# Sum of weights over the portraits below which a vertex keeps its albedo.
_MIN_TRUST = 8.0
# Deviation in linear RGB, as a part of a photo's brightness, beyond which hair or a highlight is likely.
_ROBUST_SCALE = 0.1
_SATURATED = 0.98


@dataclass(frozen=True)
class RefineAlbedoConfig:
    """How the albedo basis is refined.

    Attributes:
        rounds: Turns of fitting photos and basis.
        keeping: How many portraits the basis that there was counts as, at every vertex.
    """

    rounds: int = 3
    keeping: float = 20.0

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.keeping <= 0:
            raise ConfigError(
                "albedo refinement: expected a round or more and a positive weight of what there was, "
                f"got {self.rounds} and {self.keeping}."
            )


def refine_albedo(
    data: FaceModelData, samples: PortraitSamples, config: RefineAlbedoConfig | None = None
) -> FaceModelData:
    """The face model with the albedo of its skin fitted to portraits as they are lit.

    Args:
        data: With an albedo basis to begin with.
        samples: Colours of the portraits.
        config: How far to go.

    Raises:
        ConfigError: If the model has no albedo modes yet.
    """
    config = config or RefineAlbedoConfig()
    if not len(data.albedo_basis):
        raise ConfigError("albedo refinement: expected a face model with albedo modes, got one without.")
    trust = _trust(data, samples)
    mesh = SkinMesh(data, trust.sum(axis=0) >= _MIN_TRUST)
    for _ in range(config.rounds):
        fits = fit_portraits(FaceModel(data), samples)
        data = _with_better_basis(data, samples, fits, trust, mesh, config.keeping)
    return data


def fit_portraits(model: FaceModel, samples: PortraitSamples) -> list[Appearance]:
    """Light and albedo of each portrait."""
    seen, numpy_model = _trust(model.data, samples) > 0, model.in_numpy()
    return [
        in_torch(fit_appearance(numpy_model, normals, colour, shown))
        for normals, colour, shown in zip(samples.normals, samples.colour, seen, strict=True)
    ]


def photometric_errors(model: FaceModel, samples: PortraitSamples) -> Float[np.ndarray, " portraits"]:
    """How far each portrait's skin is from the best explanation: mean over vertices and channels, 0 to 255.

    Vertices count as far as they are visible; colours are compared in sRGB.
    """
    trust = torch.from_numpy(_trust(model.data, samples))
    errors = []
    for fit, normals, colour, weight in zip(
        fit_portraits(model, samples), samples.normals, samples.colour, trust, strict=True
    ):
        irradiance = sh_irradiance(torch.from_numpy(normals), fit.light)
        explained = model.albedo(fit.albedo[None])[0] * irradiance / torch.pi
        off = (linear_to_srgb(explained.clamp(0, 1)) - linear_to_srgb(torch.from_numpy(colour))).abs()
        errors.append(255 * float((off.mean(dim=-1) * weight).sum() / weight.sum().clamp_min(1e-6)))
    return np.array(errors)


def held_out_errors(
    data: FaceModelData,
    samples: PortraitSamples,
    config: RefineAlbedoConfig | None = None,
    folds: int = 4,
) -> tuple[Float[np.ndarray, " portraits"], Float[np.ndarray, " portraits"]]:
    """Photometric errors of portraits before, and after refining on the others alone.

    The basis to begin with has seen all of them; so what is gained is not overrated.
    """
    before = photometric_errors(FaceModel(data), samples)
    after = np.empty_like(before)
    fold = np.arange(len(before)) % folds
    for one in range(folds):
        rest, held_out = np.flatnonzero(fold != one), np.flatnonzero(fold == one)
        refined = refine_albedo(data, _rows(samples, rest), config)
        after[held_out] = photometric_errors(FaceModel(refined), _rows(samples, held_out))
    return before, after


def _with_better_basis(
    data: FaceModelData,
    samples: PortraitSamples,
    fits: list[Appearance],
    trust: Float[np.ndarray, "portraits verts"],
    mesh: SkinMesh,
    keeping: float,
) -> FaceModelData:
    """Skin tones and modes by a ridge regression at every vertex and channel, pulled to what they were.

    Of the mean and the first mode, which make the tone from dark to light, only what they have in common is
    changed, a factor: few portraits are dark, and would else decide alone what the dark end looks like.
    """
    coefficients = torch.stack([fit.albedo for fit in fits]).double()
    mean, modes = data.albedo_mean.double(), data.albedo_basis.double()
    tone = mean + coefficients[:, 0, None, None] * modes[0]
    albedo = tone + torch.einsum("pk,kvc->pvc", coefficients[:, 1:], modes[1:])
    normals = torch.from_numpy(samples.normals)
    irradiance = torch.stack(
        [sh_irradiance(one, fit.light) / torch.pi for one, fit in zip(normals, fits, strict=True)]
    ).double()
    colour, visible = torch.from_numpy(samples.colour).double(), torch.from_numpy(trust)
    residual = colour - albedo * irradiance
    scale = (visible * colour.mean(dim=-1)).sum(dim=1, keepdim=True) / visible.sum(dim=1, keepdim=True)
    # Bright photos do not count for more than dark ones.
    weight = visible / (1 + (residual.norm(dim=-1) / (_ROBUST_SCALE * scale)).square()) / scale.square()
    change = _ridge(tone, coefficients[:, 1:], irradiance, residual, weight, keeping)
    change = torch.from_numpy(mesh.fade(change.numpy()))
    change = (change + change[:, data.mirror]) / 2
    skin = data.regions["skin"][:, None]
    changed = torch.cat(((1 + change[:1]) * torch.stack((mean, modes[0])), modes[1:] + change[1:]))
    new = as_tensor(changed.numpy())
    return replace(
        data,
        albedo_mean=torch.where(skin, new[0], data.albedo_mean),
        albedo_basis=torch.where(skin, new[1:], data.albedo_basis),
    )


def _ridge(
    tone: Float[Tensor, "portraits verts 3"],
    coefficients: Float[Tensor, "portraits modes"],
    irradiance: Float[Tensor, "portraits verts 3"],
    residual: Float[Tensor, "portraits verts 3"],
    weight: Float[Tensor, "portraits verts"],
    keeping: float,
) -> Float[Tensor, "factors verts 3"]:
    """Change of the tones, as a factor, and of the modes that explains the residual best."""
    count = coefficients.shape[1] + 1
    lit = weight[..., None] * irradiance.square()
    gram = residual.new_empty(*residual.shape[1:], count, count)
    gram[..., 0, 0] = (lit * tone.square()).sum(dim=0)
    gram[..., 0, 1:] = gram[..., 1:, 0] = torch.einsum("pk,pvc->vck", coefficients, lit * tone)
    pairs = (coefficients[:, :, None] * coefficients[:, None, :]).flatten(1)
    gram[..., 1:, 1:] = torch.einsum("pq,pvc->vcq", pairs, lit).unflatten(-1, (count - 1, count - 1))
    pull = weight[..., None] * irradiance * residual
    right = torch.cat(
        ((pull * tone).sum(dim=0)[..., None], torch.einsum("pk,pvc->vck", coefficients, pull)), dim=-1
    )
    kept = keeping * lit.sum(dim=0).mean() / len(coefficients)
    ridge = kept * torch.cat((tone.square().mean()[None], torch.ones(count - 1, dtype=tone.dtype)))
    return torch.linalg.solve(gram + ridge.diag_embed(), right[..., None])[..., 0].permute(2, 0, 1)


def _trust(data: FaceModelData, samples: PortraitSamples) -> Float[np.ndarray, "portraits verts"]:
    """How far a portrait shows a vertex of the skin."""
    skin = data.regions["narrow_face"].numpy() & data.regions["skin"].numpy()
    trust: np.ndarray = samples.weight * skin * (samples.colour.max(axis=-1) < _SATURATED)
    return trust


def _rows(samples: PortraitSamples, rows: Int[np.ndarray, " rows"]) -> PortraitSamples:
    return PortraitSamples(samples.colour[rows], samples.weight[rows], samples.normals[rows])
