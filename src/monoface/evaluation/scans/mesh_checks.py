"""Pre-flight checks of benchmarks of meshes: the known mistakes, noticed before a figure is believed."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64

from monoface.evaluation.reports.definition import Finding
from monoface.evaluation.scans.meshes import MeshFile
from monoface.geometry.alignment import fit_similarity
from monoface.geometry.placement import Placement
from monoface.geometry.surface import Surface

NOW_LANDMARKS = (
    "right eye, outer corner", "right eye, inner corner", "left eye, inner corner", "left eye, outer corner",
    "nose, lower end", "right mouth corner", "left mouth corner",
)  # fmt: skip
"""The seven landmarks of NoW in their order; left and right are the subject's."""

_EXCHANGED = (3, 2, 1, 0, 4, 6, 5)
# Distance between the outer corners of the eyes of adults, with room to both sides.
_EYES_APART_MM = (65.0, 130.0)
_PER_MM = {"m": 0.001, "cm": 0.1, "mm": 1.0}
# Seven right landmarks fit those of a scan within a few percent of the distance between the eyes.
_MAX_MISFIT = 0.12
# The middles of the eyes are closer together than their outer corners.
_MAX_MISFIT_OF_FIVE = 0.2
_MAX_OFF_MESH = 0.06
_MAX_MOUTH_CHANGE = 0.06
_MAX_TURN_DEG = 12.0


def check_seven_landmarks(
    predicted: Float[np.ndarray, "points 3"], true_mm: Float[np.ndarray, "7 3"], name: str
) -> list[Finding]:
    """Whether predicted landmarks are the seven of NoW, in their order."""
    check = "wrong seven landmarks"
    if predicted.shape != (7, 3) or not np.isfinite(predicted).all():
        return [
            Finding(check, f"{name}: expected 7 finite points, got the shape {predicted.shape}.", refuse=True)
        ]
    misfit = _misfit(predicted, true_mm)
    if misfit <= _MAX_MISFIT:
        return []
    if _misfit(predicted[list(_EXCHANGED)], true_mm) < misfit / 2:
        text = "left and right are exchanged: the subject's right comes first"
    elif (best := _best_order(predicted, true_mm)) is not None:
        text = f"they fit in the order {best}: expected {', '.join(NOW_LANDMARKS)}"
    else:
        text = (
            f"after the best similarity transform they miss the scan's by {100 * misfit:.0f} % of the "
            f"distance between the eyes: expected {', '.join(NOW_LANDMARKS)}"
        )
    return [Finding(check, f"{name}: {text}.", refuse=True)]


def check_five_landmarks(
    predicted: Float[np.ndarray, "points 3"], true_mm: Float[np.ndarray, "5 3"], name: str
) -> list[Finding]:
    """Whether predicted landmarks are eyes, nose and mouth corners, the subject's right first."""
    check = "wrong five landmarks"
    if predicted.shape != (5, 3) or not np.isfinite(predicted).all():
        return [
            Finding(check, f"{name}: expected 5 finite points, got the shape {predicted.shape}.", refuse=True)
        ]
    misfit = _misfit(predicted, true_mm, eyes=(0, 1))
    if misfit <= _MAX_MISFIT_OF_FIVE:
        return []
    exchanged = _misfit(predicted[[1, 0, 2, 4, 3]], true_mm, eyes=(0, 1))
    text = (
        "left and right are exchanged: the subject's right comes first"
        if exchanged < misfit / 2
        else f"after the best similarity transform they miss the scan's by {100 * misfit:.0f} % of the "
        "distance between the eyes: expected right eye, left eye, tip of the nose, right and left mouth "
        "corner"
    )
    return [Finding(check, f"{name}: {text}.", refuse=True)]


def check_on_mesh(landmarks: Float[np.ndarray, "points 3"], surface: Surface, name: str) -> list[Finding]:
    """Whether landmarks lie on the mesh they belong to."""
    apart = float(np.linalg.norm(landmarks[0] - landmarks[3])) or 1.0
    off = float(surface.closest(landmarks).distance.max()) / apart
    if off <= _MAX_OFF_MESH:
        return []
    return [
        Finding(
            "landmarks off the mesh",
            f"{name}: a landmark lies {off:.2g} times the distance between the eyes away from the mesh; "
            "they must be in its frame and unit.",
            refuse=off > 1,
        )
    ]


def check_unit(landmarks: Float[np.ndarray, "7 3"], unit: str, name: str) -> list[Finding]:
    """Whether a mesh has the unit that is stated, by the distance between the outer corners of the eyes."""
    apart = float(np.linalg.norm(landmarks[0] - landmarks[3]))
    low, high = _EYES_APART_MM
    if low <= apart / _PER_MM[unit] <= high:
        return []
    fitting = [other for other, factor in _PER_MM.items() if low <= apart / factor <= high]
    guess = f"It fits {fitting[0]}." if fitting else "It fits neither m, cm nor mm: the mesh has no metric "
    "scale."
    return [
        Finding(
            "wrong units",
            f"{name}: the outer corners of the eyes are {apart:.4g} {unit} apart, expected {low:g} to "
            f"{high:g} mm. {guess}",
            refuse=True,
        )
    ]


def check_files(files: Sequence[MeshFile], degenerate: Mapping[str, int]) -> list[Finding]:
    """What the files of meshes have in common that other programs misread.

    Args:
        files: The meshes.
        degenerate: Triangles without area, by the name of the mesh.
    """
    findings = []
    coloured = [file.path.name for file in files if file.coloured]
    if coloured:
        findings.append(
            Finding(
                "vertex-colour OBJ",
                f"{len(coloured)} of {len(files)} files checked hold colours in the lines of vertices "
                f"({coloured[0]}, …). They were read as x, y, z and colour; programs that expect three "
                "numbers misread such files.",
            )
        )
    found = {name: count for name, count in degenerate.items() if count}
    if found:
        name, most = max(found.items(), key=lambda item: item[1])
        findings.append(
            Finding(
                "degenerate triangles",
                f"{len(found)} meshes have triangles without area (most: {most} in {name}). They were left "
                "out; the official scripts return NaN for them.",
            )
        )
    sizes = Counter(len(file.verts) for file in files)
    if len(sizes) > 1:
        findings.append(
            Finding(
                "several topologies",
                f"the meshes have {len(sizes)} different numbers of vertices; expected one for all of a "
                "method.",
            )
        )
    return findings


def check_neutral(
    landmarks: Mapping[str, Float64[np.ndarray, "7 3"]],
    subject: Mapping[str, str],
    expressive: Mapping[str, bool],
) -> list[Finding]:
    """Whether expression and head pose seem to be zero, as NoW asks.

    A mouth that is wider in the photos with expression than in the neutral photos of the same subjects
    shows an expression; meshes of one subject that are turned against each other show a head pose.

    Args:
        landmarks: Seven predicted ones, by case.
        subject: Of each case.
        expressive: Whether the photo shows an expression, by case.
    """
    changes, turns = [], []
    for name in set(subject.values()):
        cases = [key for key in landmarks if subject[key] == name]
        widths = {key: _mouth_width(landmarks[key]) for key in cases}
        neutral = [widths[key] for key in cases if not expressive[key]]
        if neutral:
            changes += [abs(widths[key] / np.mean(neutral) - 1) for key in cases if expressive[key]]
        turns += [
            Placement.between(landmarks[first], landmarks[second]).turn_deg
            for first, second in itertools.pairwise(cases)
        ]
    findings = []
    if changes and np.mean(changes) > _MAX_MOUTH_CHANGE:
        findings.append(
            Finding(
                "expression not zeroed",
                f"the mouth's width changes by {100 * np.mean(changes):.0f} % (mean) between photos with "
                "expression and neutral ones of the same subject. NoW compares neutral scans: predict the "
                "mesh with expression and jaw set to zero.",
            )
        )
    if turns and np.median(turns) > _MAX_TURN_DEG:
        findings.append(
            Finding(
                "head pose not zeroed",
                f"meshes of one subject are turned against each other by {np.median(turns):.0f} degrees "
                "(median). The alignment undoes a rigid turn, but neck and jaw poses must be zero.",
            )
        )
    return findings


def _mouth_width(landmarks: Float64[np.ndarray, "7 3"]) -> float:
    apart = float(np.linalg.norm(landmarks[0] - landmarks[3]))
    return float(np.linalg.norm(landmarks[5] - landmarks[6])) / max(apart, 1e-12)


def _misfit(
    predicted: Float[np.ndarray, "points 3"],
    true_mm: Float[np.ndarray, "points 3"],
    eyes: tuple[int, int] = (0, 3),
) -> float:
    """Largest distance after the best similarity transform, over the distance between the eyes."""
    placed = Placement.between(predicted, true_mm).apply(predicted)
    apart = float(np.linalg.norm(true_mm[eyes[0]] - true_mm[eyes[1]])) or 1.0
    return float(np.linalg.norm(placed - true_mm, axis=1).max()) / apart


def _best_order(
    predicted: Float[np.ndarray, "7 3"], true_mm: Float[np.ndarray, "7 3"]
) -> tuple[int, ...] | None:
    """Order of the predicted landmarks that fits best, if it fits; None if no order does."""
    orders = np.array(list(itertools.permutations(range(7))))
    source = torch.from_numpy(predicted[orders].astype(np.float64))
    target = torch.from_numpy(true_mm.astype(np.float64))[None].expand_as(source)
    misses = (fit_similarity(source, target).apply(source) - target).norm(dim=-1).amax(dim=-1)
    best = int(misses.argmin())
    apart = float(np.linalg.norm(true_mm[0] - true_mm[3])) or 1.0
    return tuple(orders[best].tolist()) if float(misses[best]) / apart <= _MAX_MISFIT else None
