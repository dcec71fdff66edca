"""Training of the eye network: points, gaps of lids, irises and blendshapes, where they are known."""

from collections.abc import Mapping
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss

from monoface.data.batches.eye_batch import EyeBatch
from monoface.methods.contract import StepResult
from monoface.methods.eyes.config import EyesConfig
from monoface.networks.eyes.network import EyeNetwork
from monoface.networks.eyes.outputs import EYE_SHAPES, IRIS, MARKED, MESHED, SHAPES, gap_of

# Below this error, in widths of an eye, points and gaps are judged by squares.
_POINT_BETA: Final = 0.05
_GAP_BETA: Final = 0.1
# Of more shut eyes the landmarker's iris is a guess.
_SHUT: Final = 0.5
_BLINK: Final = EYE_SHAPES.index("eyeBlink")


class EyeReading(nn.Module):
    """The eye network and the losses that it learns from.

    Args:
        config: What it looks like, and what counts how much.
    """

    def __init__(self, config: EyesConfig) -> None:
        super().__init__()
        self.config = config
        self.network = EyeNetwork(config.network)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The eye network alone."""
        return {"eyes": self.network}

    def step(self, batch: EyeBatch) -> StepResult:
        """Losses of one batch, with gradients to the network."""
        found = self.network(batch.image)
        marked, meshed = found[:, MARKED].unflatten(1, (-1, 2)), found[:, MESHED].unflatten(1, (-1, 2))
        open_eyes = torch.isfinite(batch.iris).all(dim=-1) & (batch.shapes[:, _BLINK] < _SHUT)
        known = torch.isfinite(batch.shapes).all(dim=-1)
        losses = {
            "marked": self.config.marked * _points_error(marked, batch.marked),
            "meshed": self.config.meshed * _points_error(meshed, batch.meshed),
            "iris": self.config.meshed * _error(found[:, IRIS], batch.iris, open_eyes, _POINT_BETA),
            "shapes": self.config.shapes * _squares(found[:, SHAPES].sigmoid(), batch.shapes, known),
        }
        total: Tensor = torch.stack([*losses.values()]).sum()
        return StepResult({"eyes": total}, {name: float(loss.detach()) for name, loss in losses.items()})


def _points_error(found: Float[Tensor, "eyes 6 2"], known: Float[Tensor, "eyes 6 2"]) -> Float[Tensor, ""]:
    """Error of points that are known, and of the gap where both lids are."""
    seen = torch.isfinite(known).all(dim=-1)
    gap = gap_of(known)
    return _error(found, known, seen, _POINT_BETA) + _error(
        gap_of(found), gap, torch.isfinite(gap), _GAP_BETA
    )


def _error(
    found: Float[Tensor, "..."], known: Float[Tensor, "..."], where: Bool[Tensor, "..."], beta: float
) -> Float[Tensor, ""]:
    """Mean of a robust error over what is known; 0 if nothing is."""
    if not where.any():
        return 0 * found.sum()
    return smooth_l1_loss(found[where], known[where], beta=beta)


def _squares(
    found: Float[Tensor, "eyes shapes"], known: Float[Tensor, "eyes shapes"], where: Bool[Tensor, " eyes"]
) -> Float[Tensor, ""]:
    if not where.any():
        return 0 * found.sum()
    return (found[where] - known[where]).square().mean()
