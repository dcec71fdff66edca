"""How honest the uncertainty of vertices is: parts of marked points that lie within one standard deviation.

    python benchmarks/uncertainty.py --data DATA [--weights monoface] [--photos 300] [--people 60]

Points that people see in photos (MERL-RAV's validation part, the outline of the jaw but for the chin left
out) are compared with the same photo's face, and points of profiles (cfp, validation) with the shape from a
frontal photo of the same person, posed on them. The annotators' habits are taken off. A point counts as
covered if its distance in the picture, in millimetres at the face's scale, is at most `Face.vertex_sigma_mm`
there. Wanted is 68 %, and `factor` is what the standard deviations would have to be multiplied by to get it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from jaxtyping import Float, Int

from monoface.data.sources import Cfp, MerlRav
from monoface.data.sources.cfp import LOOKS_LEFT_68, LOOKS_RIGHT_68
from monoface.evaluation.landmarks.predictors import LANDMARK_SET_REANNOTATED
from monoface.evaluation.people.profile_fit import ProfileFitter
from monoface.evaluation.people.profiles import ProfilePeople
from monoface.evaluation.reconstructed import ReconstructedFaces
from monoface.facemodel.landmarks import JAW, LEFT_RIGHT_68
from monoface.metrics import bootstrap_mean
from monoface.pipeline import Face

WANTED = 0.68
# Keeps offsets of points that hardly any picture shows at zero.
_NO_HABIT = 0.05
CHIN = 8
# Half of the width of a weight's fall: annotators err, and some marks are of another point.
ROBUST_MM = 6.0


@dataclass(frozen=True)
class Arguments:
    """What is measured.

    Attributes:
        data: Folder that holds `aflw` (with merl_rav.npz) and `cfp`.
        weights: Name of shipped weights, or the path of a safetensors file.
        photos: At most so many photos of MERL-RAV, spread over all.
        people: At most so many people of cfp.
    """

    data: Path
    weights: str = "monoface"
    photos: int = 300
    people: int = 60


@dataclass(frozen=True)
class Marks:
    """Distances of marked points and standard deviations there, in millimetres; NaN where there is none."""

    distance_mm: Float[np.ndarray, "photos points"]
    sigma_mm: Float[np.ndarray, "photos points"]

    def covered(self) -> Float[np.ndarray, " photos"]:
        """Part of each photo's points within one standard deviation."""
        inside = np.where(np.isfinite(self.distance_mm), self.distance_mm <= self.sigma_mm, np.nan)
        seen = np.isfinite(inside).any(axis=1)
        return np.nanmean(inside[seen], axis=1)

    def factor(self) -> float:
        """What standard deviations are to be multiplied by."""
        seen = np.isfinite(self.distance_mm)
        return coverage_factor(self.distance_mm[seen], self.sigma_mm[seen], WANTED)


def main() -> None:
    """Print the table."""
    chosen = tyro.cli(Arguments)
    faces = ReconstructedFaces(chosen.weights)
    parts = {
        "MERL-RAV, same photo": photo_marks(faces, MerlRav(chosen.data / "aflw", split="val"), chosen.photos),
        "cfp, profiles of frontal photos": profile_marks(
            faces, Cfp(chosen.data / "cfp", split="val"), chosen.people
        ),
    }
    print(f"{'':34}photos  within one sigma, %     distance  sigma, mm  factor")
    for name, marks in parts.items():
        covered = 100 * marks.covered()
        interval = bootstrap_mean(covered)
        print(
            f"{name:34}{len(covered):6}  {covered.mean():5.1f} ({interval.low:.1f} to {interval.high:.1f})"
            f"{np.nanmean(marks.distance_mm):14.2f}{np.nanmean(marks.sigma_mm):9.2f}{marks.factor():10.3f}"
        )
    factors = [marks.factor() for marks in parts.values()]
    print(f"geometric mean of the factors: {np.exp(np.log(factors).mean()):.3f}")


def photo_marks(faces: ReconstructedFaces, source: MerlRav, count: int) -> Marks:
    """Seen points of photos against the faces found in them."""
    rows = np.unique(np.linspace(0, len(source) - 1, min(count, len(source))).astype(int))
    residuals, rotations, sigmas = [], [], []
    for row in rows.tolist():
        face = faces.largest(source.image(row))
        if isinstance(face, str) or face.vertex_sigma_mm is None:
            continue
        marked = np.where(source.seen[row][:, None], source.points68_px[row], np.nan)
        marked[[point for point in JAW if point != CHIN]] = np.nan
        residual = (marked - points68_px(face)) / scale_px(face)
        if np.nanmedian(np.linalg.norm(residual, axis=1)) < 2 * ROBUST_MM:
            residuals.append(residual)
            rotations.append(face.posed.coefficients.rotation[0].double().numpy())
            sigmas.append(points68_sigma_mm(face))
    residual, rotation = np.array(residuals), np.array(rotations)
    residual = residual - habits(residual, rotation)
    return Marks(np.linalg.norm(residual, axis=-1), np.array(sigmas))


def profile_marks(faces: ReconstructedFaces, source: Cfp, count: int) -> Marks:
    """Points of profiles against shapes from frontal photos."""
    people = ProfilePeople.of(source, count)
    identity, sigma = [], []
    for row in people.front.tolist():
        face = faces.largest(source.image(row))
        found = isinstance(face, Face) and face.vertex_sigma_mm is not None
        identity.append(
            face.posed.coefficients.identity[0].numpy() if found else np.zeros(faces.model.identity_size)
        )
        sigma.append(points68_sigma_mm(face) if found else np.full(68, np.nan))
    posed = ProfileFitter(faces.model, people.marked).pose(np.array(identity, np.float64))
    of_photo = np.array(sigma)[people.marked.person]
    columns = np.where(people.marked.looks_left[:, None], LOOKS_LEFT_68, LOOKS_RIGHT_68)
    sigma_mm = np.take_along_axis(of_photo, columns, axis=1)
    return Marks(np.where(np.isfinite(sigma_mm), posed.distance_mm, np.nan), sigma_mm)


def habits(
    residual_mm: Float[np.ndarray, "photos 68 2"], rotation: Float[np.ndarray, "photos 3 3"]
) -> Float[np.ndarray, "photos 68 2"]:
    """What annotators do alike in all photos: an offset of each point in the model frame."""
    offset, mirror = np.zeros((68, 3)), np.array(LEFT_RIGHT_68)
    for _ in range(3):
        shown = np.einsum("nai,pi->npa", rotation[:, :2], offset)
        away = residual_mm - shown
        weight = 1 / (1 + (np.linalg.norm(away, axis=-1) / ROBUST_MM) ** 2)
        offset = offset + common_offsets(away, rotation, np.nan_to_num(weight), mirror)
    return np.einsum("nai,pi->npa", rotation[:, :2], offset)


def points68_px(face: Face) -> Float[np.ndarray, "68 2"]:
    """The 68 points as people mark them, in pixels of the photo."""
    points = face.skin.model.landmarks(LANDMARK_SET_REANNOTATED).points(torch.from_numpy(face.verts_mm)[None])
    return face.project(points[0].numpy())


def points68_sigma_mm(face: Face) -> Float[np.ndarray, " 68"]:
    """Standard deviations of these points: the mean of those of their vertices."""
    points = face.skin.model.landmarks(LANDMARK_SET_REANNOTATED)
    return (points.weight.numpy() * face.vertex_sigma_mm[points.index.numpy()]).sum(axis=1)


def scale_px(face: Face) -> float:
    """Pixels a millimetre at the face."""
    return float(face.posed.camera.scale_at(face.posed.coefficients.translation_mm[:, 2]))


def common_offsets(
    residual_mm: Float[np.ndarray, "photos points 2"],
    rotation: Float[np.ndarray, "photos 3 3"],
    weight: Float[np.ndarray, "photos points"],
    mirror: Int[np.ndarray, " points"],
) -> Float[np.ndarray, "points 3"]:
    """Offsets of points in the model frame that explain what pictures of many poses show, by least squares.

    Args:
        residual_mm: What pictures show of each point's offset, at the face's scale; NaN counts as weight 0.
        rotation: From the model to the camera frame.
        weight: How much each counts.
        mirror: For each point the one on the other side, which has the mirrored offset.
    """
    axes = rotation[:, :2]
    seen = np.isfinite(residual_mm).all(axis=-1)
    counted = np.where(seen, weight, 0)
    matrix = np.einsum("np,nai,naj->pij", counted, axes, axes, optimize=True) + _NO_HABIT * np.eye(3)
    slope = np.einsum("np,nai,npa->pi", counted, axes, np.nan_to_num(residual_mm), optimize=True)
    found = np.linalg.solve(matrix, slope[..., None])[..., 0]
    return (found + found[mirror] * (-1.0, 1.0, 1.0)) / 2


def coverage_factor(
    distance_mm: Float[np.ndarray, " marks"], sigma_mm: Float[np.ndarray, " marks"], wanted: float = 0.68
) -> float:
    """What standard deviations are multiplied by, so that a given part of marks lies within one of them."""
    return float(np.quantile(distance_mm / np.maximum(sigma_mm, 1e-9), wanted))


if __name__ == "__main__":
    main()
