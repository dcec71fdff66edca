"""How well the eye network reads eyes that it was not trained on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from monoface.data.batches.eye_batch import EyeBatch, held_out_eyes
from monoface.data.packs.eye_pack import EyePack
from monoface.metrics import Agreement
from monoface.networks.eye_network import EyeNetwork
from monoface.networks.eye_outputs import EYE_SHAPES, IRIS, MARKED, MESHED, SHAPES, gap_of

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
    return {
        name: Agreement.of(
            *(np.concatenate([one[name][side] for one in measured]) for side in (0, 1)), draws=max(draws, 2)
        )
        for name in names
    }


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


def gap_of_people(network: EyeNetwork, packs: Sequence[EyePack]) -> tuple[float, float]:
    """Factor and offset of the gaps of lids that people mark against those that are found.

    Networks shrink what they are unsure of towards the mean. So the line is that of equal spread (reduced
    major axis) over the held-out eyes.
    """
    read = [read_held_out(network, pack)["gap by people"] for pack in packs if pack.held_out.any()]
    if not read:
        return 1.0, 0.0
    found, marked = (np.concatenate([one[side] for one in read]) for side in (0, 1))
    known = np.isfinite(marked)
    if known.sum() < _FEWEST:
        return 1.0, 0.0
    factor = float(marked[known].std() / max(found[known].std(), 1e-6))
    return factor, float(marked[known].mean() - factor * found[known].mean())
