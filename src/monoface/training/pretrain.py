"""The command `monoface train pretrain`: data to packs to trained weights with their card."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from monoface.core.assets import register_asset
from monoface.core.errors import ConfigError
from monoface.data.augment import AugmentConfig
from monoface.data.batches import BatchMaker
from monoface.data.recipe import RecipeConfig, build_packs, check_shares
from monoface.facemodel import FaceModel, load_default_model
from monoface.methods.pretrain import Pretrain, PretrainConfig
from monoface.networks import Regressor, RegressorInfo, load_regressor, save_regressor
from monoface.training.config import TrainConfig
from monoface.training.distribution import launch
from monoface.training.loop import train
from monoface.training.samples import choose_crops, make_samples
from monoface.training.validation import (
    ValidationSet,
    make_evaluate,
    prepared_validation_sets,
    validation_errors,
    validation_sets,
)

_TERMS = (
    "Learned from photos whose sources allow research and non-commercial use only (AFLW, YouTube Faces, "
    "Labeled Faces in the Wild) or are under CC BY-NC-SA 4.0 (OMI); the weights are offered for research "
    "and non-commercial use."
)
_CONFIDENT_ERROR = 0.05


@dataclass(frozen=True)
class TrainPretrainConfig:
    """Train the first regressor.

    Attributes:
        data: Folder that holds the sources (`aflw`, `ytf`, …).
        out: Folder of the run: packs, checkpoints, log and, at the end, `pretrain.safetensors`.
        recipe: Which photos are used, and how.
        shares: How much of a batch comes from each pack, by name; packs without a share are not used.
        method: Weights of the losses.
        augment: How crops vary.
        train: How long and how fast.
        init: Weights to start from; random ones if absent.
    """

    data: Path
    out: Path
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "aflw": 0.28, "aflw_turned": 0.2, "ytf": 0.05, "ytf_turned": 0.08, "lfw": 0.08,
            "lfw_turned": 0.13, "omi": 0.03, "omi_turned": 0.04, "portraits_cc0": 0.015,
            "portraits_cc0_turned": 0.015, "heads": 0.08,
        }
    )  # fmt: skip
    method: PretrainConfig = field(default_factory=PretrainConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    init: Path | None = None

    def __post_init__(self) -> None:
        check_shares(self.shares, self.recipe)


def train_pretrain(config: TrainPretrainConfig, report: Callable[[str], None]) -> Path:
    """Train, calibrate the confidence on the validation photos, and write weights with their card.

    Args:
        config: What to train on, and how.
        report: Gets lines about the progress.

    Returns:
        Path of the weights.

    Raises:
        DataError: If a source is missing.
        ConfigError: If no photo is kept for validation, no pack has a share, or `init` is another network.
    """
    model = load_default_model()
    crop_px = config.method.crop_px
    sets = validation_sets(config.data, crop_px, config.recipe.held_out_people)
    sets += prepared_validation_sets(config.recipe.prepared, crop_px)
    if not sets:
        raise ConfigError(
            f"{config.data}: expected aflw, ytf, aflw2000_dev or prepared photos to validate on, found none."
        )
    fabric = launch(config.train.device, config.train.devices, config.train.num_nodes, config.train.precision)
    if fabric.global_rank:
        report = _ignore
    # The other processes then find the packs made.
    with fabric.rank_zero_first():
        packs = build_packs(config.data, config.out / "packs", model, config.recipe, report)
    shares = {pack.name: config.shares.get(pack.name, 0.0) for pack in packs if len(pack)}
    torch.manual_seed(config.train.seed)
    method = Pretrain(model, config.method)
    if config.init is not None:
        _start_from(config.init, method.regressor, model)
    maker = BatchMaker(
        [pack for pack in packs if len(pack)],
        shares,
        model,
        tuple(config.method.set_weights),
        crop_px=config.method.crop_px,
        augment=config.augment,
    )
    evaluate = make_evaluate(model, sets)
    samples = make_samples(model, choose_crops(sets))
    trained = train(method, maker, config.train, config.out, evaluate, samples)
    path = config.out / "pretrain.safetensors"
    if fabric.global_rank == 0:
        # A run by the clock knows its steps only now.
        made = replace(config, train=replace(config.train, steps=trained.steps))
        write_weights(trained["regressor"], model, sets, made, path)
    return path


def _ignore(line: str) -> None:
    """Take a line about the progress, of which the first process tells."""


def _start_from(init: Path, regressor: Regressor, model: FaceModel) -> None:
    """Copy the weights of a file into a network of the same kind."""
    source, info = load_regressor(init)
    if source.config != regressor.config or info.coefficient_space != model.coefficient_space:
        raise ConfigError(
            f"init {init.name}: expected {regressor.config} in the space {model.coefficient_space}, got "
            f"{source.config} in {info.coefficient_space}. Set the method to match, or start without."
        )
    regressor.load_state_dict(source.state_dict())


def write_weights(
    regressor: nn.Module, model: FaceModel, sets: list[ValidationSet], config: TrainPretrainConfig, path: Path
) -> Path:
    """Save weights with their calibrated confidence, and register them beside their model card."""
    assert isinstance(regressor, Regressor)
    info = RegressorInfo(
        method="pretrain",
        coefficient_space=model.coefficient_space,
        identity=model.identity_size,
        expression=model.expression_size,
        bounded=model.expression_bounds is not None,
        confidence=calibrate_confidence(regressor, model, sets),
    )
    save_regressor(regressor, info, path)
    metrics = {
        name: round(value, 3) for name, value in make_evaluate(model, sets)({"regressor": regressor}).items()
    }
    register_asset(path, _card(config, metrics))
    return path


def calibrate_confidence(
    regressor: nn.Module, model: FaceModel, sets: list[ValidationSet]
) -> tuple[float, float]:
    """Offset and slope of the probability that the error is below 5 %, against the predicted log error.

    Logistic regression by Newton's method on all validation photos, each set counting alike. AFLW2000-3D
    is left out: it is watched, not fitted.
    """
    errors, logs, weights = [], [], []
    for one in sets:
        if one.name.startswith("aflw2000"):
            continue
        error, log_error = validation_errors(regressor, model, one)
        # Sets are reported against different sizes of the face; here it is the longer side of its box.
        longer_side_px = one.crops.shape[1] / 2**0.5
        errors.append(error * np.asarray(one.normaliser_px) / longer_side_px)
        logs.append(log_error)
        weights.append(np.full(len(error), 1 / len(error)))
    if not errors:
        return 0.0, 0.0
    good = (np.concatenate(errors) < _CONFIDENT_ERROR).astype(np.float64)
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


def _card(config: TrainPretrainConfig, metrics: dict[str, float]) -> dict[str, Any]:
    written = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    # Folders are the user's own and say nothing about the weights.
    prepared = [path.name for path in config.recipe.prepared]
    written["data"] = written["out"] = None
    written["recipe"]["prepared"] = prepared
    written["init"] = config.init.name if config.init else None
    return {
        "method": "pretrain",
        "command": "monoface train pretrain --data DATA --out OUT",
        "data": "photos of " + ", ".join((*config.recipe.sources, *prepared)),
        "terms": _TERMS,
        "config": written,
        "steps": config.train.steps,
        "seed": config.train.seed,
        "metrics_percent": metrics,
        "confidence": "probability that the mean landmark error is below 5 % of the longer side of their box",
        "torch": torch.__version__,
    }
