"""How measuring faces weighs points against what a network says besides."""

from dataclasses import dataclass

from monoface.core.errors import ConfigError

# A few suffice; files say how many, and must not ask for any time.
_MOST_STEPS = 1000


@dataclass(frozen=True)
class RefineConfig:
    """How much points, and what a network says besides, count against each other; validation chooses.

    Attributes:
        steps: Steps of pose and expression before identity is asked for.
        last_steps: The same afterwards.
        sigma_scale: What the deviations that the network expects of its points are multiplied by. Errors of
            neighbouring points are alike, so that many points are worth fewer.
        least_sigma_mm: No point is better known than this.
        robust: Residual, in standard deviations, at which a point counts half.
        expression_sd: How far a network's expression weights are off, a standard deviation.
        turn_sd_deg: The same of its rotation, about each axis.
        shift_sd_mm: Of where the model's origin appears, along each axis.
        zoom_sd: Of the logarithm of the scale.
        discount: What a photo's evidence of identity is multiplied by; 0 leaves identity to the prior.
        measured_discount: The same where the prior is to see that evidence: in `measured_identity`.
        nuisance: Variance, in each identity coefficient, of what points of one photo say wrongly in concert,
            so that no photo tells an identity better than that, however many its points.
        in_common: Of several photos of one person: see `IdentityMap.joined`.
    """

    steps: int = 2
    last_steps: int = 1
    sigma_scale: float = 2.0
    least_sigma_mm: float = 0.5
    robust: float = 3.0
    expression_sd: float = 0.1
    turn_sd_deg: float = 3.0
    shift_sd_mm: float = 5.0
    zoom_sd: float = 0.05
    discount: float = 0.05
    measured_discount: float = 0.1
    nuisance: float = 0.0
    in_common: float = 0.7

    def __post_init__(self) -> None:
        for name in ("steps", "last_steps"):
            if not 0 <= getattr(self, name) <= _MOST_STEPS:
                raise ConfigError(
                    f"refinement: expected {name} from 0 to {_MOST_STEPS}, got {getattr(self, name)}."
                )
        spreads = ("expression_sd", "turn_sd_deg", "shift_sd_mm", "zoom_sd")
        for name in ("sigma_scale", "least_sigma_mm", "robust", *spreads):
            if not getattr(self, name) > 0:
                raise ConfigError(f"refinement: expected {name} above 0, got {getattr(self, name)}.")
        for name in ("discount", "measured_discount", "in_common"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"refinement: expected {name} from 0 to 1, got {getattr(self, name)}.")
        if self.nuisance < 0:
            raise ConfigError(f"refinement: expected nuisance of at least 0, got {self.nuisance}.")
