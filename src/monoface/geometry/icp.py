"""Refining how a mesh lies on a scan: least squares of the scan's distances to the mesh.

Each step asks for the closest points and solves for a small turn, shift and, where it is free, growth of the
mesh (Gauss-Newton with Levenberg's damping). A step that does not shorten the distances is taken back, so the
error never grows.

Reference:
    Chen and Medioni, "Object modelling by registration of multiple range images", Image and Vision
    Computing 1992. Directions are those to the closest points rather than normals, so that the gradient is
    exact at the mesh's border too.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from monoface.core.errors import ConfigError
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-4, 1e-9, 1e6

# Of scans of twice as many points or more, about this many are aligned first; then few steps with all remain.
_COARSE_POINTS = 5000


@dataclass(frozen=True)
class IcpConfig:
    """How a mesh is refined, and when that counts as failed.

    Attributes:
        with_scale: Whether the mesh may grow or shrink.
        max_steps: Most steps.
        tolerance: It has converged when a step lowers the mean squared distance by less than this part.
        max_turn_deg: Turned farther than this from where it began, the alignment has failed.
        max_growth: Grown or shrunk by more than this factor, it has failed.
    """

    with_scale: bool = True
    max_steps: int = 100
    tolerance: float = 1e-6
    max_turn_deg: float = 30.0
    max_growth: float = 1.5

    def __post_init__(self) -> None:
        if self.max_steps < 1:
            raise ConfigError(f"max_steps: expected at least 1, got {self.max_steps}.")

    @property
    def failure_rule(self) -> str:
        """The rule in words, for reports."""
        growth = f", grew or shrank by more than {self.max_growth:g}" if self.with_scale else ""
        return (
            f"an alignment has failed, and is no error but a failure, if it has not converged after "
            f"{self.max_steps} steps, turned more than {self.max_turn_deg:g} degrees from the landmarks'"
            f"{growth}, or is not finite"
        )


@dataclass(frozen=True, eq=False)
class Alignment:
    """A refined placement of a mesh on a scan.

    Attributes:
        placement: From the mesh's frame to the scan's.
        rms: Root of the mean squared distance of the scan to the placed mesh, in the scan's unit.
        steps: Steps taken.
        failure: Why it must not be used; empty if it may.
    """

    placement: Placement
    rms: float
    steps: int
    failure: str = ""


def align_to_scan(
    surface: Surface,
    scan: Float[np.ndarray, "points 3"],
    start: Placement,
    config: IcpConfig | None = None,
) -> Alignment:
    """Move a mesh so that the squared distances of a scan's points to it become least.

    Args:
        surface: The mesh, in its own frame and unit.
        scan: Points, in the frame and unit of the result.
        start: Where the mesh lies to begin with.
        config: Steps, tolerance, failure rule.
    """
    config = config or IcpConfig()
    scan = scan.astype(np.float64)
    placement, coarse_steps = start, 0
    if len(scan) > 2 * _COARSE_POINTS:
        some = scan[:: len(scan) // _COARSE_POINTS]
        placement, _, coarse_steps, _ = _descend(surface, some, start, config)
    placement, squared, steps, converged = _descend(surface, scan, placement, config)
    failure = _failure(placement, start, converged, squared, config)
    return Alignment(placement, float(np.sqrt(squared)), coarse_steps + steps, failure)


def _descend(
    surface: Surface, scan: Float64[np.ndarray, "points 3"], placement: Placement, config: IcpConfig
) -> tuple[Placement, float, int, bool]:
    """Placement, mean squared distance, steps taken, and whether it converged."""
    damping, converged, steps = _FIRST_DAMPING, False, 0
    squared, system = _linearise(surface, scan, placement, config.with_scale)
    while steps < config.max_steps and not converged and np.isfinite(squared):
        steps += 1
        moved = _step(system, damping).after(placement)
        new_squared, new_system = _linearise(surface, scan, moved, config.with_scale)
        if new_squared <= squared:
            converged = squared - new_squared <= config.tolerance * squared
            placement, squared, system = moved, new_squared, new_system
            damping = max(damping / 10, _LEAST_DAMPING)
        else:
            damping *= 10
            converged = damping > _MOST_DAMPING
    return placement, squared, steps, converged


@dataclass(frozen=True, eq=False)
class _System:
    """Normal equations of one step, about the scan's centre."""

    matrix: Float64[np.ndarray, "unknowns unknowns"]
    right: Float64[np.ndarray, " unknowns"]
    centre: Float64[np.ndarray, " 3"]


def _linearise(
    surface: Surface, scan: Float64[np.ndarray, "points 3"], placement: Placement, with_scale: bool
) -> tuple[float, _System]:
    """Mean squared distance, and what a small motion changes about it."""
    back = placement.inverse()
    closest = surface.closest(back.apply(scan))
    on_mesh = placement.apply(closest.points)
    offset = scan - on_mesh
    distance = np.linalg.norm(offset, axis=1)
    normals = surface.normals[closest.face] @ placement.rotation.T
    # A point on the surface has no direction to it: there the normal is the limit.
    away = distance > 1e-9 * max(float(np.abs(scan).max(initial=0.0)), 1e-12)
    direction = np.where(away[:, None], offset / np.where(away, distance, 1.0)[:, None], normals)

    centre = scan.mean(axis=0)
    arm = on_mesh - centre
    columns = [np.cross(arm, direction), direction]
    if with_scale:
        columns.append((arm * direction).sum(axis=1, keepdims=True))
    jacobian = np.concatenate(columns, axis=1)
    count = len(scan)
    return float(np.mean(distance**2)), _System(
        jacobian.T @ jacobian / count, jacobian.T @ np.where(away, distance, 0.0) / count, centre
    )


def _step(system: _System, damping: float) -> Placement:
    matrix = system.matrix + damping * np.diag(np.diag(system.matrix).clip(min=1e-12))
    motion = np.linalg.solve(matrix, system.right)
    scale = float(np.exp(motion[6])) if len(motion) > 6 else 1.0
    rotation = _rotation_from_vector(motion[:3])
    shift = system.centre + motion[3:6] - scale * (rotation @ system.centre)
    return Placement(scale, rotation, shift)


def _rotation_from_vector(vector: Float64[np.ndarray, " 3"]) -> Float64[np.ndarray, "3 3"]:
    """Rodrigues' formula; the identity for the zero vector."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-15:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _failure(
    placement: Placement, start: Placement, converged: bool, squared: float, config: IcpConfig
) -> str:
    if not np.isfinite(squared):
        return "not finite"
    if not converged:
        return f"not converged after {config.max_steps} steps"
    change = placement.after(start.inverse())
    if change.turn_deg > config.max_turn_deg:
        return f"turned by {change.turn_deg:.0f} degrees, more than {config.max_turn_deg:g}"
    if not 1 / config.max_growth <= change.scale <= config.max_growth:
        return f"grew by the factor {change.scale:.2f}, past {config.max_growth:g}"
    return ""
