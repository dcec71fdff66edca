"""What a regressor's training ends with: weights with their calibrated confidence, and their card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from monoface.core.assets import register_asset
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.mirroring import PointSets
from monoface.networks import Regressor, RegressorInfo, save_regressor
from monoface.training.engine.cards import data_and_terms
from monoface.training.engine.loop import Evaluate
from monoface.training.regressors.confidence import calibrate_confidence
from monoface.training.regressors.configs import RegressorRunConfig
from monoface.training.regressors.validation import ValidationSet, make_evaluate


def write_weights(
    regressor: nn.Module,
    layout: CoefficientLayout,
    model: FaceModel,
    sets: list[ValidationSet],
    config: RegressorRunConfig,
    path: Path,
    *,
    seen: Mapping[str, str],
    evaluate: Evaluate | None = None,
    point_sets: PointSets = (),
) -> Path:
    """Save weights with their calibrated confidence, and register them beside their model card.

    Args:
        regressor: What was trained.
        layout: What its outputs mean.
        model: The face model.
        sets: What the confidence is calibrated on.
        config: How it was trained.
        path: The file.
        seen: What it learned from; see `data_and_terms`.
        evaluate: What the card tells; errors on the sets by default.
        point_sets: Landmark sets of the network's points.
    """
    assert isinstance(regressor, Regressor)
    info = RegressorInfo(
        method=config.METHOD,
        coefficient_space=model.coefficient_space,
        identity=layout.identity,
        expression=layout.expression,
        bounded=layout.bounded,
        confidence=calibrate_confidence(regressor, model, sets, layout),
        albedo=layout.albedo,
        albedo_space=model.albedo_space if layout.albedo else "",
        light=layout.light,
        focal_per_size=layout.focal_per_size,
        point_sets=point_sets,
    )
    save_regressor(regressor, info, path)
    evaluated = (evaluate or make_evaluate(model, sets, layout))({"regressor": regressor})
    metrics = {name: round(value, 3) for name, value in evaluated.items()}
    validated = tuple(one.name for one in sets)
    register_asset(path, _card(config, metrics, seen, validated))
    return path


def _card(
    config: RegressorRunConfig,
    metrics: dict[str, float],
    seen: Mapping[str, str],
    validated: tuple[str, ...],
) -> dict[str, Any]:
    return {
        "method": config.METHOD,
        "command": f"monoface train {config.METHOD} --data DATA --out OUT",
        **data_and_terms(seen, config.init),
        "validated_on": list(validated),
        "config": config.recorded(),
        "steps": config.train.steps,
        "seed": config.train.seed,
        "metrics_percent": metrics,
        "confidence": "probability that the mean landmark error is below 5 % of the longer side of their box",
        "torch": torch.__version__,
    }
