"""The game between a critic, which tells true from predicted coefficients, and a regressor."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

Game = Literal["minimax", "non_saturating"]


def critic_loss(logits: Float[Tensor, " batch"], true: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """Negative log likelihood of the critic: what it minimises.

    Args:
        logits: Of the probability that the coefficients are true ones.
        true: 1 where they are, 0 where they were predicted.
    """
    return softplus(logits) - true * logits


def deception_loss(logits: Float[Tensor, " batch"], game: Game) -> Float[Tensor, " batch"]:
    """What the regressor minimises, from the critic's logits for its predictions.

    Args:
        logits: Of the probability that the coefficients are true ones.
        game: `minimax` is log(1 - D), as published: negative, and flat where the critic is sure;
            `non_saturating` is -log(D), whose gradient is largest there.

    Reference:
        Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014, section 3.
    """
    return -softplus(logits) if game == "minimax" else softplus(-logits)
