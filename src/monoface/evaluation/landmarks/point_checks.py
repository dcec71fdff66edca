"""Pre-flight checks of landmark benchmarks: the known mistakes, noticed before a figure is believed."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Float64

from monoface.evaluation.reports.definition import Finding
from monoface.facemodel.landmarks import LEFT_RIGHT_68
from monoface.metrics import BIN_MEAN, IMAGE_MEAN
from monoface.metrics.point_mistakes import AS_GIVEN, MISTAKES, median_errors, point_errors

# A prediction whose box lies farther from the true one than this part of its size is of something else.
_MAX_OFFSET = 1.0
_MAX_ZOOM = 2.0
# The boxes of the annotation are those of its own points within a pixel.
_BOX_TOLERANCE_PX = 3.0
_CLAIM_TOLERANCE = 0.02
# So many photos tell whether all points are wrong in one way.
_LOOKED_AT = 200
_MISTAKES = {
    "mirrored": (
        "left and right exchanged",
        "The 68 points begin at the end of the jaw on the image's left; mirror neither photos nor points.",
    ),
    "reversed": (
        "points in reverse order",
        "The 68 points begin at the end of the jaw on the image's left.",
    ),
    "exchanged": ("x and y exchanged", "Give x, from the left, before y, from the top."),
    "upwards": ("y upwards", "Give y in pixels from the photo's top."),
}


def check_predicted_points(
    predicted_px: Float[np.ndarray, "photos points _"], true_px: Float[np.ndarray, "photos points _"]
) -> list[Finding]:
    """Whether predicted points are in pixels of the photo, and in the order of the annotation."""
    found = np.isfinite(predicted_px).all(axis=(1, 2))
    if not found.any():
        return []
    predicted, true = predicted_px[found, :, :2].astype(float), true_px[found, :, :2].astype(float)
    mistaken = _check_mistakes(predicted, true)
    if mistaken:
        return mistaken
    size_px, true_size_px = _size(predicted), _size(true)
    offset = np.linalg.norm(np.nanmean(predicted, axis=1) - np.nanmean(true, axis=1), axis=1) / true_size_px
    zoom = np.median(size_px / true_size_px)
    if np.median(offset) > _MAX_OFFSET or not 1 / _MAX_ZOOM < zoom < _MAX_ZOOM:
        largest = float(np.nanmax(np.abs(predicted)))
        guess = (
            "They look like fractions of the picture's size"
            if largest <= 1.5
            else "They look like pixels of the 120 x 120 crop"
            if largest <= 130 and true_px.max() > 200
            else "They are no pixels of the photo"
        )
        return [
            Finding(
                "wrong units of the points",
                f"the predicted faces have {zoom:.2g} times the true size and lie {np.median(offset):.2g} "
                f"sizes away (medians). {guess}; give pixels of the photo.",
                refuse=True,
            )
        ]
    return []


def _check_mistakes(
    predicted_px: Float64[np.ndarray, "photos points 2"], true_px: Float64[np.ndarray, "photos points 2"]
) -> list[Finding]:
    """Whether the points would fit much better with a known mistake undone, in most photos."""
    mirror = LEFT_RIGHT_68 if predicted_px.shape[1] == len(LEFT_RIGHT_68) else None
    rows = np.unique(np.linspace(0, len(true_px) - 1, min(len(true_px), _LOOKED_AT)).astype(int))
    errors = median_errors([point_errors(predicted_px[row], true_px[row], mirror) for row in rows])
    if errors.fits or errors.mistake not in _MISTAKES:
        return []
    given, undone = 100 * errors.by_mistake[AS_GIVEN], 100 * errors.by_mistake[errors.mistake]
    check, advice = _MISTAKES[errors.mistake]
    return [
        Finding(
            check,
            f"the points {MISTAKES[errors.mistake]}: with that undone they lie {undone:.1f} % of the face's "
            f"size from the true ones rather than {given:.1f} % (medians). {advice}",
            refuse=True,
        )
    ]


def check_annotation(
    roi_box: Float[np.ndarray, "photos 4"], computed_box: Float[np.ndarray, "photos 4"]
) -> list[Finding]:
    """Whether the points are the original annotation, whose box comes with the data set.

    Args:
        roi_box: The box that comes with the photos.
        computed_box: The box that follows from the points.
    """
    off = np.abs(roi_box.astype(float) - computed_box).max(axis=1) > _BOX_TOLERANCE_PX
    if off.mean() <= 0.25:
        return []
    return [
        Finding(
            "annotations mixed",
            f"in {int(off.sum())} of {len(off)} photos the points do not fill the box that comes with "
            "them. They are probably the re-annotated points, not the original ones; figures on the two "
            "must not be compared.",
        )
    ]


def check_box_stated(box: str) -> list[Finding]:
    """Whether it is said which box a predictor saw."""
    if box:
        return []
    return [
        Finding(
            "box not stated",
            "it is not said whether the predictor saw the annotated box or a detector's; the annotated "
            "one is worth about 0.1 % NME. State it with --points-box.",
        )
    ]


def check_claim(figures: Mapping[str, float], claimed: float | None) -> list[Finding]:
    """Which mean a published figure is, where the report has one near it."""
    if claimed is None:
        return []
    names = {BIN_MEAN: "the mean of the yaw bins", IMAGE_MEAN: "the mean of the photos"}
    near = [name for name in names if abs(figures[name] - claimed) <= _CLAIM_TOLERANCE * claimed]
    both = f"the mean of the bins is {figures[BIN_MEAN]:.2f}, that of the photos {figures[IMAGE_MEAN]:.2f}"
    if BIN_MEAN in near:
        return []
    if IMAGE_MEAN in near:
        text = f"the published {claimed:g} is {names[IMAGE_MEAN]}: {both}. Most tables hold the mean of "
        "the bins."
    else:
        text = f"the published {claimed:g} is neither: {both}."
    return [Finding("which mean", text)]


def check_missing(missing: Sequence[str], count: int) -> list[Finding]:
    """Whether the means leave photos out."""
    if not missing:
        return []
    some = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
    return [
        Finding(
            "missing predictions",
            f"{len(missing)} of {count} photos have none ({some}). The means are over the others; the "
            "failure rate and the area under the cumulative curve count them as failures.",
        )
    ]


def _size(points_px: Float64[np.ndarray, "photos points 2"]) -> Float64[np.ndarray, " photos"]:
    extent = np.nanmax(points_px, axis=1) - np.nanmin(points_px, axis=1)
    return np.maximum(extent.max(axis=1), 1e-9)
