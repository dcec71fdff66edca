"""What mirroring a picture does to the face model's coefficients and landmarks."""

from copy import copy
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from monoface.core.arrays import Array, cast, constant, in_numpy, namespace, numpy_of
from monoface.facemodel.coefficients import FaceCoefficients
from monoface.facemodel.formulas.linear_model import LinearFaceModel
from monoface.facemodel.formulas.mirrored_modes import (
    albedo_mirror,
    expression_mirror,
    identity_mirror,
    nearest_points,
)
from monoface.facemodel.landmarks import LEFT_RIGHT_21, LEFT_RIGHT_68

PointSets = tuple[tuple[str, int], ...]
"""Names of landmark sets, each with the step at which its pairs of points are taken; 1 takes all."""

# Of spherical harmonics, in the order of `shading.sh_basis`: those that are odd in x (x, xy and xz) change.
_LIGHT_SIGNS = ((1.0,), (1.0,), (1.0,), (-1.0,), (-1.0,), (1.0,), (1.0,), (-1.0,), (1.0,))


class CoefficientMirror:
    """Exchanges left and right of faces of one model.

    What becomes of coefficients is solved for on the mesh (see `mirrored_modes`); names of expressions and
    parts play no part in it.

    Args:
        model: The face model, which says whether coefficients are of numpy or of PyTorch.
    """

    def __init__(self, model: LinearFaceModel) -> None:
        data, like = in_numpy(model.data), model.mean_mm
        self._identity = constant(identity_mirror(data), like)
        self._albedo = constant(albedo_mirror(data), like)
        self._expression = constant(expression_mirror(data), like)
        self._light = constant(_LIGHT_SIGNS, like)
        self._exchanges = bool(((self._expression == 0) | (self._expression == 1)).all())
        self._model = model
        self._orders: dict[PointSets, Int[np.ndarray, " points"]] = {}

    def in_numpy(self) -> "CoefficientMirror":
        """The same for coefficients of numpy."""
        same = copy(self)
        for name in ("_identity", "_albedo", "_expression", "_light"):
            setattr(same, name, numpy_of(getattr(self, name)))
        return same

    def __call__(self, coefficients: FaceCoefficients, where: Bool[Array, " batch"]) -> FaceCoefficients:
        """The faces that a mirror shows, in some rows: mirrored in x about the camera's axis.

        Light is mirrored with them. Albedo may be left out, with no coefficients.
        """
        xp = namespace(where)
        side = cast(xp.where(where[:, None], -1.0, 1.0), coefficients.rotation)
        flip = xp.concat((side, xp.ones_like(side), xp.ones_like(side)), -1)
        return replace(
            coefficients,
            identity=xp.where(where[:, None], coefficients.identity @ self._identity, coefficients.identity),
            expression=xp.where(
                where[:, None], self._exchanged(coefficients.expression), coefficients.expression
            ),
            albedo=self.albedo(coefficients.albedo, where),
            light=self.light(coefficients.light, where),
            rotation=flip[:, :, None] * coefficients.rotation * flip[:, None, :],
            translation_mm=coefficients.translation_mm * flip,
        )

    def _exchanged(self, expression: Float[Array, "batch expressions"]) -> Array:
        mirrored = expression @ self._expression
        if self._model.bounded and not self._exchanges:
            # A basis that is not closed under mirroring may ask for weights that it does not have.
            return mirrored.clip(0, 1)
        return mirrored

    def albedo(self, albedo: Float[Array, "batch albedo"], where: Bool[Array, " batch"]) -> Array:
        """The same of albedo coefficients; where there are none of them, none."""
        if albedo.shape[1] == 0:
            return albedo
        return namespace(albedo).where(where[:, None], albedo @ self._albedo, albedo)

    def light(self, light: Float[Array, "batch 9 3"], where: Bool[Array, " batch"]) -> Array:
        """The same of light: spherical harmonics that are odd in x change their sign."""
        return namespace(light).where(where[:, None, None], light * self._light, light)

    def points(self, sets: PointSets) -> Int[np.ndarray, " points"]:
        """For each point of some landmark sets in a row the one that it becomes; see `mirrored_points`."""
        if sets not in self._orders:
            self._orders[sets] = mirrored_points(self._model, sets)[1]
        return self._orders[sets]


def mirror_order(model: LinearFaceModel, set_name: str) -> np.ndarray:
    """For each landmark of a set the one that it becomes when the face is mirrored.

    The 68 and 21 points have fixed partners; those of other sets are the nearest ones on the other side
    of the mean face.
    """
    points = model.landmarks(set_name)
    if len(points) == 68:
        return np.array(LEFT_RIGHT_68)
    if len(points) == 21:
        return np.array(LEFT_RIGHT_21)
    places = numpy_of(points.points(model.mean_mm[None])[0])
    return nearest_points(places * (-1.0, 1.0, 1.0), places)


def mirrored_points(
    model: LinearFaceModel, sets: PointSets
) -> tuple[dict[str, Int[np.ndarray, " taken"]], Int[np.ndarray, " points"]]:
    """Which points of some sets are taken, and what each of them, one set after the other, becomes.

    Of a set with a step, every n-th pair of mirrored points is taken, so that what is left is as
    symmetric as the face.
    """
    rows: dict[str, np.ndarray] = {}
    mirrors: list[np.ndarray] = [np.zeros(0, np.int64)]
    for name, step in sets:
        order = mirror_order(model, name)
        taken = rows[name] = _symmetric_rows(order, step)
        mirrors.append(sum(map(len, mirrors)) + np.searchsorted(taken, order[taken]))
    return rows, np.concatenate(mirrors)


def _symmetric_rows(order: Int[np.ndarray, " points"], step: int) -> Int[np.ndarray, " taken"]:
    """Points on the face's own left and on its middle, every n-th, and their partners; sorted."""
    every = np.arange(len(order))
    if step == 1:
        return every
    # A set whose points are not quite symmetric has some that are not their partner's partner.
    first = every[(order[order] == every) & (every <= order)][::step]
    return np.union1d(first, order[first])
