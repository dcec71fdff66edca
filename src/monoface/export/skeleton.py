"""Bones of a head, and how vertices follow them, as plain arrays."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from monoface.core.errors import MonofaceError

INFLUENCES = 4
"""Joints that a vertex may follow in files: what all engines know."""


class SkeletonError(MonofaceError):
    """A skeleton contradicts itself."""


@dataclass(frozen=True, eq=False)
class Joint:
    """A joint of a skeleton, at rest: not turned against the model frame.

    Attributes:
        name: Unique in the skeleton.
        parent: Number of the joint that it hangs from, an earlier one; None for the first.
        place_mm: Where it is, in the model frame.
    """

    name: str
    parent: int | None
    place_mm: Float[np.ndarray, " 3"]


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Joints, parents before children."""

    joints: tuple[Joint, ...]

    def __post_init__(self) -> None:
        names = [joint.name for joint in self.joints]
        if not names or len(set(names)) < len(names):
            raise SkeletonError(
                f"skeleton: expected joints with a name each, got {', '.join(names) or 'none'}."
            )
        for number, joint in enumerate(self.joints):
            if (joint.parent is None) != (number == 0) or (joint.parent or 0) > max(number - 1, 0):
                raise SkeletonError(
                    f"skeleton: expected one root, and parents before children; {joint.name} is not so."
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the joints."""
        return tuple(joint.name for joint in self.joints)

    def local_mm(self, number: int) -> Float[np.ndarray, " 3"]:
        """Place of a joint as seen from its parent."""
        joint = self.joints[number]
        if joint.parent is None:
            return joint.place_mm
        return joint.place_mm - self.joints[joint.parent].place_mm

    def children(self, number: int) -> tuple[int, ...]:
        """Joints that hang from one."""
        return tuple(child for child, joint in enumerate(self.joints) if joint.parent == number)


def strongest_influences(
    weights: Float[np.ndarray, "verts joints"],
) -> tuple[np.ndarray, Float[np.ndarray, "verts influences"]]:
    """The four joints that each vertex follows most, and their weights, which sum to 1.

    Places without an influence have joint 0 and weight 0.
    """
    missing = max(0, INFLUENCES - weights.shape[1])
    padded = np.pad(weights.astype(np.float64), ((0, 0), (0, missing)))
    order = np.argsort(-padded, axis=1, kind="stable")[:, :INFLUENCES]
    chosen = np.take_along_axis(padded, order, axis=1)
    chosen = (chosen / chosen.sum(axis=1, keepdims=True)).astype(np.float32)
    return np.where(chosen > 0, order, 0), chosen
