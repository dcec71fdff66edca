"""How well the eye network reads eyes that it was not trained on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import nn

from monoface.data.batches.eye_batch import EyeBatch, held_out_eyes
from monoface.data.packs.eye_pack import EyePack
from monoface.metrics import Agreement
from monoface.networks.eyes.network import EyeNetwork
from monoface.networks.eyes.outputs import (
    EYE_SHAPES,
    IRIS,
    MARKED,
    MESHED,
    REST,
    SHAPES,
    EyeCalibration,
    gap_of,
)

_CHUNK: Final = 512
_OPEN: Final = 0.5
_FEWEST: Final = 30
_BLINK: Final = EYE_SHAPES.index("eyeBlink")

Measured = Mapping[str, tuple[Float[np.ndarray, " eyes"], Float[np.ndarray, " eyes"]]]
"""Found and true values of held-out eyes, by what they are; NaN where there is no true one."""


@torch.no_grad()
def read_held_out(network: EyeNetwork, pack: EyePack) -> Measured:
    """What is found of the held-out eyes of a source, and what is known of them."""
    batch = held_out_eyes(pack)
    found = torch.cat([network.eval()(part) for part in batch.image.split(_CHUNK)])
    marked, meshed = found[:, MARKED].unflatten(1, (-1, 2)), found[:, MESHED].unflatten(1, (-1, 2))
    pairs = {
        "gap by people": (gap_of(marked), gap_of(batch.marked)),
        "gap by landmarker": (gap_of(meshed), gap_of(batch.meshed)),
        **_irises(found[:, IRIS], batch),
    }
    shapes = found[:, SHAPES].sigmoid()
    pairs |= {name: (shapes[:, column], batch.shapes[:, column]) for column, name in enumerate(EYE_SHAPES)}
    return {name: (ours.double().numpy(), true.double().numpy()) for name, (ours, true) in pairs.items()}


def agreements(network: EyeNetwork, packs: Sequence[EyePack], draws: int = 1000) -> dict[str, Agreement]:
    """How well found values follow true ones, over the held-out eyes of all sources.

    Args:
        network: The eye network.
        packs: Of the sources; one without held-out eyes adds none.
        draws: Of the bootstrap; 0 where intervals are of no use.
    """
    measured = [read_held_out(network, pack) for pack in packs if pack.held_out.any()]
    names = measured[0] if measured else ()
    found = {}
    for name in names:
        ours, true = (np.concatenate([one[name][side] for one in measured]) for side in (0, 1))
        found[name] = Agreement.of(ours, true, max(draws, 2))
    return found


def make_eyes_evaluate(packs: Sequence[EyePack]) -> Callable[[Mapping[str, nn.Module]], dict[str, float]]:
    """Function for the training loop: correlation and slope of all that is read."""

    def evaluate(networks: Mapping[str, nn.Module]) -> dict[str, float]:
        network = networks["eyes"]
        assert isinstance(network, EyeNetwork)
        found = agreements(network, packs, draws=0)
        network.train()
        return {
            f"{name} {what}": value
            for name, one in found.items()
            for what, value in (("correlation", one.correlation), ("slope", one.slope))
        }

    return evaluate


def _irises(
    found: Float[torch.Tensor, "eyes 2"], batch: EyeBatch
) -> dict[str, tuple[Float[torch.Tensor, " eyes"], Float[torch.Tensor, " eyes"]]]:
    """Where irises lie, along the eye and across it, of eyes that are open."""
    seen = batch.shapes[:, _BLINK] < _OPEN
    true = torch.where(seen[:, None], batch.iris, torch.nan)
    return {name: (found[:, axis], true[:, axis]) for axis, name in enumerate(("iris along", "iris across"))}


def calibrated(network: EyeNetwork, packs: Sequence[EyePack]) -> EyeCalibration:
    """How what is found in held-out eyes becomes what is true, where enough of them are known.

    Networks shrink what they are unsure of towards the mean. So the lines are those of equal spread (reduced
    major axis).
    """
    read = [read_held_out(network, pack) for pack in packs if pack.held_out.any()]
    names = ("gap by people", EYE_SHAPES[_BLINK])
    if not read:
        return EyeCalibration()
    (gap, marked), (blink, shut) = (
        tuple(np.concatenate([one[name][side] for one in read]) for side in (0, 1)) for name in names
    )
    factor, offset = _equal_spread(gap, marked, np.isfinite(marked))
    gain, _ = _equal_spread(blink, shut, blink > REST)
    return EyeCalibration(factor, offset, max(gain, 1.0))


def _equal_spread(
    found: Float[np.ndarray, " eyes"], true: Float[np.ndarray, " eyes"], where: Bool[np.ndarray, " eyes"]
) -> tuple[float, float]:
    """Factor and offset between some values; none where they are too few."""
    where = where & np.isfinite(true)
    if where.sum() < _FEWEST:
        return 1.0, 0.0
    factor = float(true[where].std() / max(found[where].std(), 1e-6))
    return factor, float(true[where].mean() - factor * found[where].mean())
