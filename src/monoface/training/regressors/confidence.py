"""The networks' confidence: what their predicted errors were worth on validation photos."""

from collections.abc import Sequence

import numpy as np
from torch import nn

from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.geometry.roi import SIDE_PER_BOX
from monoface.training.regressors.validation import ValidationSet, validation_errors

CONFIDENT_ERROR = 0.05
"""Mean landmark error, as a part of the longer side of the landmarks' box, below which a face is good."""


def calibrate_confidence(
    regressor: nn.Module,
    model: FaceModel,
    sets: Sequence[ValidationSet],
    layout: CoefficientLayout | None = None,
) -> tuple[float, float]:
    """Offset and slope of the probability that the error is below 5 %, against the predicted log error.

    Logistic regression by Newton's method on all validation photos, each set counting alike. AFLW2000-3D
    is left out: it is watched, not fitted. Networks with a landmark map look twice, as the pipeline does.

    Args:
        regressor: A `Regressor` in evaluation mode.
        model: Its face model.
        sets: The photos.
        layout: What outputs mean; the model's geometry under weak perspective by default.
    """
    errors, logs, weights = [], [], []
    for one in sets:
        if one.name.startswith("aflw2000"):
            continue
        error, log_error = validation_errors(regressor, model, one, looks=2, layout=layout)
        # Sets are reported against different sizes of the face; here it is the longer side of its box.
        longer_side_px = one.crops.shape[1] / SIDE_PER_BOX
        errors.append(error * np.asarray(one.normaliser_px) / longer_side_px)
        logs.append(log_error)
        weights.append(np.full(len(error), 1 / len(error)))
    if not errors:
        return 0.0, 0.0
    good = (np.concatenate(errors) < CONFIDENT_ERROR).astype(np.float64)
    return fit_logistic(np.concatenate(logs).astype(np.float64), good, np.concatenate(weights))


def fit_logistic(x: np.ndarray, outcome: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Offset and slope of the logistic function that makes weighted outcomes most likely.

    A weak Gaussian prior on both keeps them finite when outcomes are separable.
    """
    design = np.stack((np.ones_like(x), x), axis=1)
    weights = weights / weights.sum() * len(x)
    solution = np.zeros(2)
    for _ in range(30):
        probability = 1 / (1 + np.exp(-np.clip(design @ solution, -30, 30)))
        gradient = design.T @ (weights * (outcome - probability)) - 1e-3 * solution
        curvature = design.T @ (
            design * (weights * probability * (1 - probability))[:, None]
        ) + 1e-3 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        solution += np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-9:
            break
    return float(solution[0]), float(solution[1])
