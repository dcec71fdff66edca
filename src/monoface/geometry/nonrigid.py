"""Non-rigid registration: a mesh is bent on to points, each of its vertices by an affine map of its own.

Neighbouring vertices are held together by a stiffness that is relaxed in stages; each step is one sparse
linear system.

Reference:
    Amberg, Romdhani and Vetter, "Optimal Step Nonrigid ICP Algorithms for Surface Registration", CVPR 2007;
    with the keypoint stage of the evaluation of REALY (Chai et al., ECCV 2022), described anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64

from monoface.core.errors import ConfigError, DataError


@dataclass(frozen=True)
class Stage:
    """One stage of a registration.

    Attributes:
        stiffness: How strongly neighbours move alike.
        tolerance: The stage ends when the affine maps change by no more than this (Frobenius norm).
        max_steps: Most steps.
        turn_weight: Stiffness of the three linear columns of the affine maps and of their shift.
        closest: Whether vertices are drawn to the closest target points; keypoints alone otherwise.
        keypoint_weight: How strongly keypoints are drawn to their places.
        keypoint_decay: By which factor that falls with each step, counted over all stages.
    """

    stiffness: float
    tolerance: float
    max_steps: int
    turn_weight: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    closest: bool = True
    keypoint_weight: float = 0.0
    keypoint_decay: float = 1.0


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Vertices whose places are known."""

    index: Int64[np.ndarray, " keypoints"]
    places: Float64[np.ndarray, "keypoints 3"]


def register_nonrigid(
    verts: Float[np.ndarray, "verts 3"],
    faces: Int[np.ndarray, "faces 3"],
    targets: Float[np.ndarray, "targets 3"],
    stages: Sequence[Stage],
    keypoints: Keypoints | None = None,
) -> Float64[np.ndarray, "verts 3"]:
    """Bend a mesh on to points.

    Vertices whose closest point is farther than twice the mean distance, and than 1, are not drawn to it.

    Args:
        verts: Vertices of the mesh.
        faces: Its triangles; vertices without one move alone.
        targets: Points to come to.
        stages: From stiff to soft.
        keypoints: Vertices whose places are known.

    Returns:
        The moved vertices.

    Raises:
        DataError: If a vertex or a target is not finite.
        ConfigError: If scipy is not installed.
    """
    try:
        from scipy.spatial import KDTree
    except ImportError as error:
        raise ConfigError(
            "non-rigid registration needs scipy. Install it with: pip install 'monoface[eval]'"
        ) from error
    if not (np.isfinite(verts).all() and np.isfinite(targets).all() and len(targets)):
        raise DataError("registration: expected finite vertices and targets, got NaN, infinity or none.")
    current = verts.astype(np.float64)
    tree = KDTree(targets)
    differences = _edge_differences(faces, len(verts))
    # As the published form begins: the first stage's first step never counts as converged.
    maps, previous = np.ones((4 * len(verts), 3)), np.zeros((4 * len(verts), 3))
    step = 0
    for stage in stages:
        taken = 0
        while np.linalg.norm(maps - previous) > stage.tolerance and taken < stage.max_steps:
            previous = maps
            distance, nearest = tree.query(current)
            drawn = distance < max(2 * distance.mean(), 1.0)
            weight = stage.keypoint_weight * stage.keypoint_decay**step
            maps = _solve_step(
                current, targets[nearest], drawn & stage.closest, differences, stage, keypoints, weight
            )
            current = _apply(current, maps)
            taken += 1
            step += 1
    return current


def _solve_step(
    verts: Float64[np.ndarray, "verts 3"],
    nearest: Float[np.ndarray, "verts 3"],
    drawn: Bool[np.ndarray, " verts"],
    differences: Any,
    stage: Stage,
    keypoints: Keypoints | None,
    keypoint_weight: float,
) -> Float64[np.ndarray, "rows 3"]:
    """Affine maps of all vertices, stacked: what stiffness, closest points and keypoints agree on."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    count = len(verts)
    homogeneous = np.concatenate((verts, np.ones((count, 1))), axis=1)
    place = sparse.csr_matrix(
        (homogeneous.ravel(), (np.repeat(np.arange(count), 4), np.arange(4 * count))),
        shape=(count, 4 * count),
    )
    squared = drawn.astype(np.float64)
    goal = squared[:, None] * nearest
    if keypoints is not None and keypoint_weight:
        squared = squared.copy()
        squared[keypoints.index] += keypoint_weight**2
        goal[keypoints.index] += keypoint_weight**2 * keypoints.places
    stiffness = sparse.kron(differences.T @ differences, np.diag(np.square(stage.turn_weight)))
    matrix = stage.stiffness**2 * stiffness + place.T @ sparse.diags(squared) @ place
    # Vertices that nothing holds, or that all lie in one plane, would make the system singular.
    matrix = (matrix + 1e-13 * matrix.diagonal().max() * sparse.identity(4 * count)).tocsc()
    solver = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)
    solved: Float64[np.ndarray, "rows 3"] = solver.solve(place.T @ goal)
    return solved


def _apply(
    verts: Float64[np.ndarray, "verts 3"], maps: Float64[np.ndarray, "rows 3"]
) -> Float64[np.ndarray, "verts 3"]:
    homogeneous = np.concatenate((verts, np.ones((len(verts), 1))), axis=1)
    return np.einsum("vi,vic->vc", homogeneous, maps.reshape(-1, 4, 3))


def _edge_differences(faces: Int[np.ndarray, "faces 3"], count: int) -> Any:
    """Sparse matrix whose rows are the edges: 1 at one end, -1 at the other."""
    from scipy import sparse

    ends = np.sort(np.concatenate((faces[:, :2], faces[:, 1:], faces[:, ::2])), axis=1)
    edges = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)
    rows = np.repeat(np.arange(len(edges)), 2)
    values = np.tile([1.0, -1.0], len(edges))
    return sparse.csr_matrix((values, (rows, edges.ravel())), shape=(len(edges), count))
