"""Choose a refinement's numbers on people and photos that nothing was fitted to, by small grids in turn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from monoface.facemodel.estimation.identity_prior import Elsewhere, IdentityMap
from monoface.facemodel.estimation.refinement import RefineConfig, RefinedFaces
from monoface.facemodel.expression_gain import ExpressionGain
from monoface.training.likeness.joining import JoinConfig, LearnedPeople
from monoface.training.likeness.judging import ProfileJudge, ProfileScore, ScanJudge
from monoface.training.likeness.marked import MarkJudge, MarkScore
from monoface.training.likeness.measuring import Settled
from monoface.training.likeness.people_map import PeopleMapConfig

Report = Callable[[str], None]
# What a millimetre less is worth, beside the worth of a score: on synthetic heads, and on a scan.
_WORTH_OF_MM, _WORTH_OF_SCAN_MM = 0.5, 0.5
# Expressions that open the mouth, and that shut eyes, by the beginnings of their names.
_MOUTH, _EYES = "jawOpen", "eyeBlink"


@dataclass(frozen=True)
class GridConfig:
    """What is tried.

    Attributes:
        profile_weight: How much marked profiles count besides what the people's evidence has of them.
        mean_share: Penalties on what all people have in common.
        ridge_people: Penalties of the map from descriptors, each tried.
        descriptor: Shares of what descriptors say.
        regressed: Shares of what the network says.
        measured: Shares of what its points say.
        discount: How much points count for identity.
        nuisance: How far points of one photo may be wrong together.
        expression_sd: How far the network's expressions are off.
        sigma_scale: What the network's expected deviations are multiplied by.
        steps: Steps of pose and expression.
        mouth_gain: What the network's weights of an open mouth are stretched by.
        eyes_gain: Those of shut eyes.
    """

    profile_weight: tuple[float, ...] = (4.0, 6.0, 8.0)
    mean_share: tuple[float, ...] = (0.0, 0.05)
    ridge_people: tuple[float, ...] = (30.0,)
    descriptor: tuple[float, ...] = (1.0, 1.15, 1.25)
    regressed: tuple[float, ...] = (0.5, 0.75, 1.0)
    measured: tuple[float, ...] = (0.0, 0.2, 0.4)
    discount: tuple[float, ...] = (0.02, 0.05)
    nuisance: tuple[float, ...] = (0.0,)
    expression_sd: tuple[float, ...] = (0.05, 0.1, 0.2)
    sigma_scale: tuple[float, ...] = (1.0, 2.0)
    steps: tuple[int, ...] = (1, 2)
    mouth_gain: tuple[float, ...] = (1.0, 1.2, 1.4, 1.7, 2.0)
    eyes_gain: tuple[float, ...] = (1.0, 1.4, 1.8, 2.2)


@dataclass(frozen=True)
class Tried:
    """How a map from descriptors is learned; see `GridConfig`."""

    profile_weight: float
    mean_share: float
    ridge_people: float

    def of(self, config: PeopleMapConfig) -> PeopleMapConfig:
        """A configuration with these numbers."""
        return replace(config, ridge_people=self.ridge_people, mean_share=self.mean_share)

    def __str__(self) -> str:
        return (
            f"profiles times {self.profile_weight:g}, mean share {self.mean_share:g}, ridge of "
            f"{self.ridge_people:g} people"
        )


@dataclass(frozen=True, eq=False)
class Validation:
    """People and photos to choose by.

    Attributes:
        people: Photos of people whose profiles are marked; those without a face count as the mean face.
        found: Row of each among the judge's people.
        profiles: Scores shapes of these people.
        marks: Photos with marks, and who scores faces of them.
        heads: Synthetic heads, and who they are.
        scan: Photos of a head that was measured, and who measured it; None if there is none.
    """

    people: Settled
    found: Int[np.ndarray, " found"]
    profiles: ProfileJudge
    marks: tuple[Settled, MarkJudge]
    heads: tuple[Settled, Float[np.ndarray, "heads identity"]]
    scan: tuple[Settled, ScanJudge] | None = None

    def settled(self, config: RefineConfig, gain: ExpressionGain | None = None) -> "Validation":
        """The same, settled in another way."""
        return replace(
            self,
            people=self.people.again(config, gain),
            marks=(self.marks[0].again(config, gain), self.marks[1]),
            heads=(self.heads[0].again(config, gain), self.heads[1]),
            scan=self.scan and (self.scan[0].again(config, gain), self.scan[1]),
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
        """Mean distance of measured neutral shapes of synthetic heads from the true ones."""
        settled, true = self.heads
        return float(self.profiles.apart_mm(settled.concluded(known, config).identity, true).mean())

    def scan_mm(self, known: IdentityMap, config: RefineConfig) -> float | None:
        """Median distance of the scan to the mean of the shapes in its photos; None without a scan."""
        if self.scan is None:
            return None
        settled, judge = self.scan
        return judge(settled.concluded(known, config).identity.mean(axis=0))

    def shape_score(self, known: IdentityMap, config: RefineConfig) -> "ShapeScore":
        """Score of measured shapes by all whose shapes are known."""
        return ShapeScore(
            self.profile_score(known, config), self.heads_mm(known, config), self.scan_mm(known, config)
        )


@dataclass(frozen=True)
class ShapeScore:
    """How near shapes are to all that is known of shapes.

    Attributes:
        profiles: On marked profiles.
        heads_mm: Mean distance on synthetic heads.
        scan_mm: Median distance on a scan; None without one.
    """

    profiles: ProfileScore
    heads_mm: float
    scan_mm: float | None

    @property
    def worth(self) -> float:
        """One number to choose by."""
        scan = 0.0 if self.scan_mm is None else _WORTH_OF_SCAN_MM * self.scan_mm
        return self.profiles.worth - _WORTH_OF_MM * self.heads_mm - scan

    def __str__(self) -> str:
        scan = "" if self.scan_mm is None else f"; scan {self.scan_mm:.2f} mm"
        return f"{self.profiles}; synthetic heads {self.heads_mm:.2f} mm{scan}"


def choose_join(
    people: LearnedPeople,
    elsewhere: Elsewhere | None,
    validation: Validation,
    config: RefineConfig,
    grid: GridConfig,
    report: Report,
) -> tuple[float, JoinConfig]:
    """How much each input counts, and what that is worth."""
    found: list[tuple[float, JoinConfig]] = []
    for every in product(grid.descriptor, grid.regressed, grid.measured):
        join = JoinConfig(*every)
        scored = validation.shape_score(people.joined(join, elsewhere), config)
        report(f"  {join}: {scored}")
        found.append((scored.worth, join))
    return max(found, key=lambda one: one[0])


def choose_discount(
    known: IdentityMap, validation: Validation, config: RefineConfig, grid: GridConfig, report: Report
) -> RefineConfig:
    """How much points of a photo count for the identity in it, on people and on synthetic heads."""
    choices = [
        replace(config, discount=discount, nuisance=nuisance)
        for discount, nuisance in product(grid.discount, grid.nuisance)
        if discount or nuisance == grid.nuisance[0]
    ]
    found: list[tuple[float, RefineConfig]] = []
    for choice in choices:
        scored = validation.shape_score(known, choice)
        report(f"  discount {choice.discount}, nuisance {choice.nuisance}: {scored}")
        found.append((scored.worth, choice))
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


def choose_gain(
    known: IdentityMap,
    settled: Settled,
    judge: MarkJudge,
    config: RefineConfig,
    rest: tuple[Sequence[str], Float[np.ndarray, " expressions"]],
    grid: GridConfig,
    report: Report,
) -> ExpressionGain:
    """How far weights of open mouths and shut eyes are stretched, so that gaps of lips and lids are right.

    Args:
        known: What is known of identities.
        settled: Photos with marks.
        judge: Scores faces of them.
        config: How they settle.
        rest: Names of all expression weights, and those of faces at rest.
        grid: What is tried.
        report: Gets lines about the progress.
    """

    def scored(mouth: float, eyes: float) -> MarkScore:
        gain = ExpressionGain.named(*rest, {_MOUTH: mouth, _EYES: eyes})
        score = judge(settled.again(config, gain).concluded(known, config))
        report(f"  mouth gain {mouth}, eyes gain {eyes}: {score}")
        return score

    mouth = max(grid.mouth_gain, key=lambda gain: scored(gain, 1.0).mouth_worth)
    eyes = max(grid.eyes_gain, key=lambda gain: scored(mouth, gain).eyes_worth)
    return ExpressionGain.named(*rest, {_MOUTH: mouth, _EYES: eyes})
