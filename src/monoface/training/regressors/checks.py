"""Refusal of packs from which nothing can be learned, before the first step."""

import numpy as np
import torch
from jaxtyping import Float, Int

from monoface.core.errors import DataError
from monoface.data.batches.photo_batch import BatchMaker
from monoface.data.packs.photo_pack import Pack
from monoface.facemodel import CoefficientLayout, PointBasis
from monoface.facemodel.fitting import project_points
from monoface.geometry.roi import SIDE_PER_BOX

_SAMPLES = 256
# What a share of samples may have wrong: annotations do contain errors.
_TOLERATED = 0.05
_MAX_SIZE_RATIO = 3.0


def check_training_data(maker: BatchMaker, *, needs_labels: bool = False) -> None:
    """Look at up to 256 samples, evenly spread, of every pack that is drawn from.

    Args:
        maker: Draws from the packs.
        needs_labels: Whether the method cannot learn without samples whose coefficients are known.

    Raises:
        DataError: If pictures are no 8-bit pictures or all of one colour; a pack knows nothing of its
            samples; values are infinite; known coefficients have gaps; more than a twentieth of the landmarks
            or of the faces of known coefficients are far from the canvas or of another size; or no sample is
            labelled and labels are needed.
    """
    box_points = maker.model.subset(maker.model.landmarks("ibug68"))
    labelled = False
    for pack in maker.sampled_packs:
        rows = np.unique(np.linspace(0, len(pack) - 1, min(len(pack), _SAMPLES)).astype(int))
        _check_pictures(pack, rows)
        _check_landmarks(pack, rows)
        _check_outputs(pack, rows, maker.layout, box_points)
        in_pack = bool(np.isfinite(pack.outputs).all(axis=1).any())
        if not in_pack and not any(_has_points(pack, name) for name in maker.set_sizes):
            raise DataError(
                f"pack {pack.name}: expected landmarks of {', '.join(maker.set_sizes)}, or coefficients, got "
                "neither for any sample. Give one of its sets a weight, or drop its share."
            )
        labelled |= in_pack
    if needs_labels and not labelled:
        raise DataError(
            "packs: the method needs samples whose coefficients are known, got none. "
            "Give a share to a pack of turned photos or synthetic heads."
        )


def _check_pictures(pack: Pack, rows: Int[np.ndarray, " rows"]) -> None:
    expected = (pack.canvas_px, pack.canvas_px, 3)
    if pack.canvases.dtype != np.uint8 or pack.canvases.shape[1:] != expected:
        raise DataError(
            f"pack {pack.name}: expected canvases of {expected} in uint8, got {pack.canvases.shape[1:]} in "
            f"{pack.canvases.dtype}. Make it anew."
        )
    if all(np.ptp(pack.canvases[row]) == 0 for row in rows):
        raise DataError(
            f"pack {pack.name}: expected pictures, got canvases of one colour each. Make it anew."
        )


def _check_landmarks(pack: Pack, rows: Int[np.ndarray, " rows"]) -> None:
    side = pack.canvas_px
    for name, all_points in pack.points_px.items():
        points = all_points[rows]
        if np.isinf(points).any():
            raise DataError(f"pack {pack.name}, {name}: expected pixels or NaN, got infinite values.")
        seen = np.isfinite(points).all(axis=-1)
        outside = (points < -side / 2).any(axis=-1) | (points > 1.5 * side).any(axis=-1)
        if outside.sum() > _TOLERATED * seen.sum():
            raise DataError(
                f"pack {pack.name}, {name}: expected pixels of canvases of {side}, got {outside.sum()} "
                f"of {seen.sum()} landmarks more than half a canvas outside. Check their scale."
            )


def _has_points(pack: Pack, name: str) -> bool:
    return name in pack.points_px and bool(np.isfinite(pack.points_px[name]).any())


def _check_outputs(
    pack: Pack, rows: Int[np.ndarray, " rows"], layout: CoefficientLayout, box_points: PointBasis
) -> None:
    outputs = pack.outputs[rows]
    finite = np.isfinite(outputs)
    known = finite.all(axis=1)
    if np.isinf(outputs).any() or (finite.any(axis=1) & ~known).any():
        raise DataError(
            f"pack {pack.name}: expected coefficients that are all known or all NaN, got infinite ones or "
            "gaps. Make it anew."
        )
    if known.any():
        odd = _faces_out_of_place(outputs[known], pack.face_px, layout, box_points)
        if odd.mean() > _TOLERATED:
            raise DataError(
                f"pack {pack.name}: expected coefficients for the {pack.face_px} pixels in the middle of the "
                f"canvases, got {odd.sum()} of {len(odd)} faces outside of them or of another size. "
                "They were made for other crops: make it anew."
            )


def _faces_out_of_place(
    outputs: Float[np.ndarray, "rows outputs"],
    face_px: int,
    layout: CoefficientLayout,
    box_points: PointBasis,
) -> np.ndarray:
    """Which faces are over three times smaller or larger than in their crops, or centred outside."""
    with torch.no_grad():
        points = project_points(box_points, *layout.decode(torch.from_numpy(outputs), face_px)).numpy()
    low, high = points.min(axis=1), points.max(axis=1)
    ratio = (high - low).max(axis=1) * SIDE_PER_BOX / face_px
    centre = (low + high) / 2
    outside = ((centre < 0) | (centre > face_px)).any(axis=1)
    odd: np.ndarray = outside | (ratio > _MAX_SIZE_RATIO) | (ratio < 1 / _MAX_SIZE_RATIO)
    return odd
