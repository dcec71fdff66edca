"""Choose a refinement's numbers on people and photos that nothing was fitted to, by small grids in turn."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int

from monoface.facemodel.estimation.identity_prior import Elsewhere, IdentityMap
from monoface.facemodel.estimation.refinement import RefineConfig, RefinedFaces
from monoface.training.likeness.joining import JoinConfig, LearnedPeople
from monoface.training.likeness.judging import ProfileJudge, ProfileScore
from monoface.training.likeness.marked import MarkJudge, MarkScore
from monoface.training.likeness.measuring import Settled

Choice = TypeVar("Choice")
Report = Callable[[str], None]
# What a millimetre less on drawn heads is worth, beside the worth of a score.
_WORTH_OF_MM = 0.5


@dataclass(frozen=True)
class GridConfig:
    """What is tried.

    Attributes:
        ridge_people: Penalties of the map from descriptors, each tried.
        descriptor: Shares of what descriptors say.
        regressed: Shares of what the network says.
        measured: Shares of what its points say.
        discount: How much points count for identity.
        nuisance: How far points of one photo may be wrong together.
        expression_sd: How far the network's expressions are off.
        sigma_scale: What the network's expected deviations are multiplied by.
        steps: Steps of pose and expression.
    """

    ridge_people: tuple[float, ...] = (30.0, 100.0)
    descriptor: tuple[float, ...] = (0.85, 1.0, 1.1, 1.2, 1.3)
    regressed: tuple[float, ...] = (0.0, 0.3, 0.5, 0.75)
    measured: tuple[float, ...] = (0.0, 0.15, 0.3)
    discount: tuple[float, ...] = (0.0, 0.02, 0.05, 0.1, 0.2)
    nuisance: tuple[float, ...] = (0.0,)
    expression_sd: tuple[float, ...] = (0.05, 0.1, 0.2)
    sigma_scale: tuple[float, ...] = (1.0, 2.0)
    steps: tuple[int, ...] = (1, 2)


@dataclass(frozen=True, eq=False)
class Validation:
    """People and photos to choose by.

    Attributes:
        people: Photos of people whose profiles are marked; those without a face count as the mean face.
        found: Row of each among the judge's people.
        profiles: Scores shapes of these people.
        marks: Photos with marks, and who scores faces of them.
        heads: Drawn heads, and who they are.
    """

    people: Settled
    found: Int[np.ndarray, " found"]
    profiles: ProfileJudge
    marks: tuple[Settled, MarkJudge]
    heads: tuple[Settled, Float[np.ndarray, "heads identity"]]

    def settled(self, config: RefineConfig) -> "Validation":
        """The same, settled in another way."""
        return replace(
            self,
            people=self.people.again(config),
            marks=(self.marks[0].again(config), self.marks[1]),
            heads=(self.heads[0].again(config), self.heads[1]),
        )

    def identities(self, faces: RefinedFaces) -> Float[np.ndarray, "people identity"]:
        """Of all people; the mean face where no face was found."""
        identity = np.zeros((len(self.profiles.people), faces.identity.shape[1]))
        identity[self.found] = faces.identity
        return identity

    def identities_said(self) -> Float[np.ndarray, "people identity"]:
        """What the network alone says of all people."""
        said = self.people.looks.identity
        identity = np.zeros((len(self.profiles.people), said.shape[1]))
        identity[self.found] = said
        return identity

    def profile_score(self, known: IdentityMap, config: RefineConfig) -> ProfileScore:
        """Score of measured shapes."""
        return self.profiles(self.identities(self.people.concluded(known, config)))

    def mark_score(self, known: IdentityMap, config: RefineConfig) -> MarkScore:
        """Score of measured faces."""
        settled, judge = self.marks
        return judge(settled.concluded(known, config))

    def heads_mm(self, known: IdentityMap, config: RefineConfig) -> float:
        """Mean distance of measured neutral shapes of drawn heads from the true ones."""
        settled, true = self.heads
        return float(self.profiles.apart_mm(settled.concluded(known, config).identity, true).mean())


def best(
    choices: Iterable[Choice],
    score: Callable[[Choice], ProfileScore | MarkScore],
    tell: Callable[[str], None],
) -> Choice:
    """The choice of the highest worth; all are told of."""
    found: list[tuple[float, Choice]] = []
    for choice in choices:
        scored = score(choice)
        tell(f"  {choice}: {scored}")
        found.append((scored.worth, choice))
    return max(found, key=lambda one: one[0])[1]


def choose_join(
    people: LearnedPeople,
    elsewhere: Elsewhere | None,
    validation: Validation,
    config: RefineConfig,
    grid: GridConfig,
    report: Report,
) -> JoinConfig:
    """How much each input counts."""

    def score(join: JoinConfig) -> ProfileScore:
        return validation.profile_score(people.joined(join, elsewhere), config)

    shares = product(grid.descriptor, grid.regressed, grid.measured)
    return best((JoinConfig(*every) for every in shares), score, report)


def choose_discount(
    known: IdentityMap, validation: Validation, config: RefineConfig, grid: GridConfig, report: Report
) -> RefineConfig:
    """How much points of a photo count for the identity in it, on people and on drawn heads."""
    choices = [
        replace(config, discount=discount, nuisance=nuisance)
        for discount, nuisance in product(grid.discount, grid.nuisance)
        if discount or nuisance == grid.nuisance[0]
    ]
    found: list[tuple[float, RefineConfig]] = []
    for choice in choices:
        scored, heads_mm = validation.profile_score(known, choice), validation.heads_mm(known, choice)
        numbers = f"discount {choice.discount}, nuisance {choice.nuisance}"
        report(f"  {numbers}: {scored}; drawn heads {heads_mm:.2f} mm")
        found.append((scored.worth - _WORTH_OF_MM * heads_mm, choice))
    return max(found, key=lambda one: one[0])[1]


def choose_settling(
    known: IdentityMap,
    settled: Settled,
    judge: MarkJudge,
    config: RefineConfig,
    grid: GridConfig,
    report: Report,
) -> RefineConfig:
    """How poses and expressions settle on points."""
    found: list[tuple[float, RefineConfig]] = []
    for expression_sd, sigma_scale, steps in product(grid.expression_sd, grid.sigma_scale, grid.steps):
        choice = replace(config, expression_sd=expression_sd, sigma_scale=sigma_scale, steps=steps)
        faces = settled.again(choice).concluded(known, choice)
        scored = judge(faces)
        report(f"  expression_sd {expression_sd}, sigma_scale {sigma_scale}, steps {steps}: {scored}")
        found.append((scored.worth, choice))
    return max(found, key=lambda one: one[0])[1]
