"""Configuration of the label engine."""

from dataclasses import dataclass, field
from typing import ClassVar

from monoface.core.errors import ConfigError
from monoface.data.profiling.photo_turner import TurnConfig
from monoface.facemodel.estimation.population import PopulationConfig


@dataclass(frozen=True)
class PeopleConfig:
    """How photos of known people are labelled.

    Attributes:
        min_score: Lowest score of the landmarker at which its mesh is used.
        mesh_yaw_deg: Largest yaw at which the mesh is used.
        identity_yaw_deg: Largest yaw at which the mesh counts as evidence of identity.
        max_disagreement_mm: Largest median distance of annotated points from the face fitted to the mesh; the
            mesh of other photos is not used.
        sigma_mm: Standard deviation of a marked point, along each axis.
        mesh_evidence: Weight of the evidence of a photo's mesh, below 1: errors of its points correlate.
        human_evidence: Weight of the evidence of annotated points in a photo without mesh.
        expression_mean: Prior mean of expression weights that no blendshape gives.
        expression_sd: Their standard deviation.
        blendshape_sd: Standard deviation of weights whose mean is a blendshape of the landmarker.
        hiding_sd: Standard deviation of `cheekPuff`, which would otherwise absorb the shape of cheeks.
        size_sd: Standard deviation of the size of faces, relative to the mean face.
        rounds: Gauss-Newton iterations of a person's identity.
        single_rounds: Iterations for photos that stand for themselves, and of the second solution of people.
        max_residual_mm: Largest mean distance of a photo's points from the fitted face; others are left out.
        stranger_distance: Median distance of a photo's descriptor from the person's others above which it is
            taken to show somebody else.
        look_alike_distance: Largest distance between the mean descriptors of a person and of one held out in
            another source at which both may be the same; the first is left out.
        teachers: Sources from whose people the population is learned; all by default. Profiles teach most,
            so `cfp` alone teaches nearly as much as all, in less time.
        population: How features and identities are related.
        turn: Out-of-plane rotation of photos; 0 views for none.
        held_out_people: One in so many people of sources without a split of their own is kept for validation.
        photos_per_shard: Photos per shard of packs.
        seed: Seed of the turned views.
    """

    min_score: float = 0.9
    sigma_mm: float = 2.0
    expression_sd: float = 0.15
    rounds: int = 6
    single_rounds: int = 3
    teachers: tuple[str, ...] = ()
    population: PopulationConfig = field(default_factory=PopulationConfig)
    turn: TurnConfig = field(default_factory=lambda: TurnConfig(views=1))
    held_out_people: int = 10
    photos_per_shard: int = 512
    seed: int = 0
    # Fixed; see `core.fixed_settings`.
    mesh_yaw_deg: ClassVar[float] = 42.0
    identity_yaw_deg: ClassVar[float] = 30.0
    max_disagreement_mm: ClassVar[float] = 7.0
    mesh_evidence: ClassVar[float] = 0.1
    human_evidence: ClassVar[float] = 0.5
    expression_mean: ClassVar[float] = 0.06
    blendshape_sd: ClassVar[float] = 0.12
    hiding_sd: ClassVar[float] = 0.03
    size_sd: ClassVar[float] = 0.01
    max_residual_mm: ClassVar[float] = 6.0
    stranger_distance: ClassVar[float] = 0.6
    look_alike_distance: ClassVar[float] = 0.4

    def __post_init__(self) -> None:
        if min(self.rounds, self.held_out_people, self.photos_per_shard) < 1:
            raise ConfigError(
                "people: expected rounds, held_out_people and photos_per_shard of at least 1, got "
                f"{self.rounds}, {self.held_out_people} and {self.photos_per_shard}."
            )
