"""The weighted landmarks of the coarse stage: the paper's 86 points, as far as 68 points have them.

Where the 86 lie is read from the mean shape in the authors' code. They are the 68 and 18 more: the middles of
four lids, which are means of two points here; eight points below the brows and four beside the nose, left
out; and the two wings of the nose, whose weight the nearest points, the ends of the nose's base, have.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_LIDS = ((37, 38), (40, 41), (43, 44), (46, 47))
GROUPS = (*((point,) for point in range(68)), *_LIDS)
"""The points as means of the 68: these themselves, then the middles of the lids."""

FOCUS = (1, 4, 8, 12, 15)
"""Points of the jaw that count more: the chin and two on either side."""

_BY_POINT = (
    (FOCUS, 2.0),
    ((36, 39, 42, 45), 5.0),  # corners of the eyes
    ((31, 33, 35), 5.0),  # base of the nose; its wings in the 86
    ((48, 54), 5.0),  # corners of the mouth
    ((51, 57, 62, 66), 10.0),  # middles of the lips
    (tuple(range(68, 72)), 15.0),  # middles of the lids
)


def landmark_weights() -> Float[Tensor, " points"]:
    """The published weight of each point of `GROUPS`; 1 where the paper gives none."""
    weights = torch.ones(len(GROUPS))
    for points, weight in _BY_POINT:
        weights[list(points)] = weight
    return weights


def grouped(points_px: Float[Tensor, "batch 68 2"]) -> Float[Tensor, "batch points 2"]:
    """Annotated points as `GROUPS` has them; NaN where one of them is."""
    middles = [points_px[:, list(lid)].mean(dim=1) for lid in _LIDS]
    return torch.cat((points_px, torch.stack(middles, dim=1)), dim=1)
