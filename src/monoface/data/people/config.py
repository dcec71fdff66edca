"""How labels that know people are made."""

from dataclasses import dataclass, field

from monoface.core.errors import ConfigError
from monoface.data.profiling.photo_turner import TurnConfig
from monoface.facemodel.estimation.population import PopulationConfig


@dataclass(frozen=True)
class PeopleConfig:
    """How labels that know people are made.

    Attributes:
        min_score: Score of the landmarker from which its mesh is believed.
        mesh_yaw_deg: Yaw up to which it is.
        identity_yaw_deg: Yaw up to which it tells of who is seen.
        max_disagreement_mm: Median distance of people's points from the mesh's face, up to which it is
            believed.
        sigma_mm: Standard deviation of a mark, along each axis.
        mesh_evidence: How much a photo's mesh counts, whose points err together.
        human_evidence: How much people's points count in a photo without mesh.
        expression_mean: Of expression weights of which nothing is known.
        expression_sd: Their standard deviation.
        blendshape_sd: That of weights that the landmarker's blendshapes tell.
        hiding_sd: That of `cheekPuff`, which would else take up the shape of cheeks.
        size_sd: Standard deviation of the size of faces, as a part of it.
        rounds: Linearisations of a person's identity.
        single_rounds: Those of people with one photo.
        max_residual_mm: Mean distance of a photo's marks from its face; photos that fit worse are left out.
        stranger_distance: Distance of a photo's descriptor from the mean of the person's others, from which
            on it shows somebody else.
        look_alike_distance: Between the mean descriptors of people of one source and of those held out in
            another, up to which they may be the same and are left out.
        teachers: Sources whose people tell what faces there are; all sources by default. Profiles teach most,
            so `cfp` alone teaches nearly as much as all, in less time.
        population: How features and identities are related.
        turn: How photos are turned; views of 0 turns none.
        held_out_people: Every so manieth person of sources without a split of their own is validation.
        photos_per_shard: Photos whose packs are made at a time.
        seed: Of the turned views.
    """

    min_score: float = 0.9
    mesh_yaw_deg: float = 42.0
    identity_yaw_deg: float = 30.0
    max_disagreement_mm: float = 7.0
    sigma_mm: float = 2.0
    mesh_evidence: float = 0.1
    human_evidence: float = 0.5
    expression_mean: float = 0.06
    expression_sd: float = 0.15
    blendshape_sd: float = 0.12
    hiding_sd: float = 0.03
    size_sd: float = 0.01
    rounds: int = 6
    single_rounds: int = 3
    max_residual_mm: float = 6.0
    stranger_distance: float = 0.6
    look_alike_distance: float = 0.4
    teachers: tuple[str, ...] = ()
    population: PopulationConfig = field(default_factory=PopulationConfig)
    turn: TurnConfig = field(default_factory=lambda: TurnConfig(views=1))
    held_out_people: int = 10
    photos_per_shard: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.rounds, self.held_out_people, self.photos_per_shard) < 1:
            raise ConfigError(
                "people: expected rounds, held_out_people and photos_per_shard of at least 1, got "
                f"{self.rounds}, {self.held_out_people} and {self.photos_per_shard}."
            )
