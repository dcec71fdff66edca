"""Measure faces that were looked at, as `pipeline.refining.Refiner` does, with any numbers to try."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from monoface.facemodel.estimation.identity_prior import IdentityMap
from monoface.facemodel.estimation.point_model import PointModel
from monoface.facemodel.estimation.refinement import (
    Looked,
    RefineConfig,
    RefinedFaces,
    conclude,
    look,
    measured_identity,
)
from monoface.facemodel.expression_gain import ExpressionGain
from monoface.pipeline.refining.refinement_file import MEASURED
from monoface.training.likeness.looks import Looks

_TOGETHER = 64


@dataclass(frozen=True, eq=False)
class Settled:
    """Photos whose poses and expressions settled on their points, before anything is known of identities.

    Attributes:
        points: The face model at the points.
        looks: What was seen; a face in each.
        parts: What the points say, of some photos at a time.
        gain: Of the expressions that come out.
    """

    points: PointModel
    looks: Looks
    parts: tuple[Looked, ...]
    gain: ExpressionGain

    @classmethod
    def on(
        cls, points: PointModel, looks: Looks, config: RefineConfig, gain: ExpressionGain | None = None
    ) -> "Settled":
        """Let photos settle."""
        gain = gain or ExpressionGain.none(points.expression_size)
        parts = tuple(look(points, some.seen, some.start, some.identity, config) for some in _portions(looks))
        return cls(points, looks, parts, gain)

    def again(self, config: RefineConfig, gain: ExpressionGain | None = None) -> "Settled":
        """The same photos, settled in another way."""
        return Settled.on(self.points, self.looks, config, gain or self.gain)

    def measured(self, config: RefineConfig) -> Float[np.ndarray, "photos identity"]:
        """Identities that points alone say."""
        return np.concatenate([measured_identity(part, config) for part in self.parts])

    def concluded(self, known: IdentityMap, config: RefineConfig) -> RefinedFaces:
        """Measured faces.

        Args:
            known: What is known of identities.
            config: As that of the settling but for what counts afterwards.
        """
        faces = []
        for some, looked in zip(_portions(self.looks), self.parts, strict=True):
            inputs = some.inputs
            if known.sees(MEASURED):
                inputs[MEASURED] = measured_identity(looked, config)
            faces.append(conclude(self.points, some.seen, some.start, looked, known(inputs), config))
        return self.gain(RefinedFaces.joined(faces))


def _portions(looks: Looks) -> list[Looks]:
    count = len(looks)
    return [looks[np.arange(start, min(start + _TOGETHER, count))] for start in range(0, count, _TOGETHER)]
