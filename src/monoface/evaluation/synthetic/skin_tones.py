"""Is dark skin told from dim light? Errors of albedo on synthetic heads, by how light their skin is.

A photo shows albedo times light, and a prior decides which is which: one that was learned from light skin
makes dark skin too light, and the light too dim. The error of lightness has a sign, which shows that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64

from monoface.core.arrays import in_torch
from monoface.data.synthetic.heads import HeadsConfig
from monoface.evaluation.synthetic.heads_score import RegressesCrops
from monoface.evaluation.synthetic.heads_truth import HeadPainter, TrueHead
from monoface.facemodel import FaceModel
from monoface.geometry.crops import crop_and_resize
from monoface.metrics.bootstrap import Interval, bootstrap_mean
from monoface.metrics.colour_difference import delta_e, linear_to_lab, typology_angle_deg
from monoface.pipeline import Regression, read_image
from monoface.texturing.texturer import PlacedMesh, Texturer

SKIN_TONES: Final = {"dark": -30.0, "brown": 10.0, "tan": 28.0, "intermediate": 41.0, "light": 55.0}
"""Groups by the typology angle in degrees that they end below; "very light" is what lies above."""

ALL = "all"


@dataclass(frozen=True)
class AlbedoError:
    """Errors of one head's albedo over its skin.

    Attributes:
        tone: Group of its true skin.
        linear: Mean absolute difference in linear RGB.
        delta_e: Mean distance in CIELAB.
        lightness: Predicted less true mean lightness L*; above 0 where skin is found too light.
    """

    tone: str
    linear: float
    delta_e: float
    lightness: float


@dataclass(frozen=True)
class Estimate:
    """A mean over heads, and its 95 % interval."""

    mean: float
    interval: Interval

    @classmethod
    def of(cls, values: Sequence[float]) -> "Estimate":
        """From one value a head."""
        return cls(float(np.mean(values)), bootstrap_mean(np.array(values, np.float64)))


@dataclass(frozen=True)
class ToneSummary:
    """Errors of one group's heads; see `AlbedoError`."""

    tone: str
    count: int
    linear: Estimate
    delta_e: Estimate
    lightness: Estimate


def measure_skin_tones(
    regressor: RegressesCrops, model: FaceModel, config: HeadsConfig
) -> Iterator[AlbedoError]:
    """Draw heads, find their albedo and compare.

    Args:
        regressor: Sees the true crop, once. Where it finds no albedo, that is fitted to the photo's colours
            on the face that it finds, as `monoface reconstruct` does.
        model: Face model of the regressor, from whose albedo the heads are drawn.
        config: Of the heads.
    """
    painter, texturer = HeadPainter(model), Texturer(model, size=16)
    skin = model.data.regions["narrow_face"].numpy()
    for index in range(config.count):
        head = painter.sample(index, config)
        yield albedo_error(_predicted_albedo(regressor, model, texturer, head), head.albedo, skin)


def albedo_error(
    predicted: Float[np.ndarray, "verts 3"],
    true: Float[np.ndarray, "verts 3"],
    skin: Bool[np.ndarray, " verts"],
) -> AlbedoError:
    """Errors over the vertices of the skin; no factor is taken off."""
    predicted, true = predicted[skin], true[skin]
    lightness = linear_to_lab(predicted)[:, 0].mean() - linear_to_lab(true)[:, 0].mean()
    return AlbedoError(
        tone=skin_tone(true.mean(axis=0)),
        linear=float(np.abs(predicted - true).mean()),
        delta_e=float(delta_e(predicted, true).mean()),
        lightness=float(lightness),
    )


def skin_tone(albedo: Float[np.ndarray, " 3"]) -> str:
    """Name of the group that skin of a mean albedo in linear RGB belongs to."""
    angle = float(typology_angle_deg(albedo))
    return next((tone for tone, limit in SKIN_TONES.items() if angle < limit), "very light")


def summarise_tones(errors: Sequence[AlbedoError]) -> list[ToneSummary]:
    """Means of the groups that have heads, from dark to light, then of all."""
    groups = {tone: [one for one in errors if one.tone == tone] for tone in (*SKIN_TONES, "very light")}
    groups[ALL] = list(errors)
    return [_summary(tone, members) for tone, members in groups.items() if members]


def _summary(tone: str, errors: Sequence[AlbedoError]) -> ToneSummary:
    return ToneSummary(
        tone=tone,
        count=len(errors),
        linear=Estimate.of([one.linear for one in errors]),
        delta_e=Estimate.of([one.delta_e for one in errors]),
        lightness=Estimate.of([one.lightness for one in errors]),
    )


@torch.no_grad()
def _predicted_albedo(
    regressor: RegressesCrops, model: FaceModel, texturer: Texturer, head: TrueHead
) -> Float64[np.ndarray, "verts 3"]:
    crop = crop_and_resize(head.picture, head.box, regressor.size_px)
    found = in_torch(regressor.predict(crop[None]).in_photo(head.box[None], regressor.size_px))
    albedo = found.coefficients.albedo
    if not albedo.shape[1]:
        albedo = _fitted_albedo(found, model, texturer, head)[None]
    return model.albedo(albedo)[0].double().numpy()


def _fitted_albedo(
    found: Regression, model: FaceModel, texturer: Texturer, head: TrueHead
) -> Float[torch.Tensor, " albedo"]:
    coefficients = found.coefficients
    verts_mm = model.shape(coefficients.identity, coefficients.expression)[0]
    photo = read_image(head.picture)
    mesh = PlacedMesh.in_photo(photo, coefficients, found.camera, verts_mm, model)
    return in_torch(texturer.appearance(mesh).albedo)
