"""What the commands that train regressors share: packs, a start, the loop, weights with their card."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import nn

from monoface.core.assets import register_asset
from monoface.core.errors import ConfigError
from monoface.data.augment import AugmentConfig
from monoface.data.batches import BatchMaker
from monoface.data.recipe import RecipeConfig, build_packs
from monoface.data.shares import check_shares
from monoface.facemodel import FaceModel
from monoface.methods.contract import Method
from monoface.networks import Regressor, RegressorInfo, add_input_channel, load_regressor, save_regressor
from monoface.training.confidence import calibrate_confidence
from monoface.training.config import TrainConfig
from monoface.training.distribution import launch
from monoface.training.loop import train
from monoface.training.samples import choose_crops, make_samples
from monoface.training.validation import (
    ValidationSet,
    make_evaluate,
    prepared_validation_sets,
    validation_sets,
)

_TERMS = (
    "Learned from photos whose sources allow research and non-commercial use only (AFLW, YouTube Faces, "
    "Labeled Faces in the Wild) or are under CC BY-NC-SA 4.0 (OMI); the weights are offered for research "
    "and non-commercial use."
)


@dataclass(frozen=True)
class TrainRegressorConfig:
    """Train a regressor.

    Attributes:
        data: Folder that holds the sources (`aflw`, `ytf`, …).
        out: Folder of the run: packs, checkpoints, log and, at the end, the weights.
        packs: Folder of packs; those it lacks are made. `OUT/packs` by default.
        recipe: Which photos are used, and how.
        shares: How much of a batch comes from each pack, by name; packs without a share are not
            used. `_aside` packs exist in a second round only.
        augment: How crops vary.
        train: How long and how fast.
        init: Weights to start from; random ones if absent. A network with a landmark map may start from one
            without.
    """

    METHOD: ClassVar[str]

    data: Path
    out: Path
    packs: Path | None = None
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "aflw": 0.36, "aflw_aside": 0.2, "aflw_turned": 0.12, "ytf": 0.05, "ytf_turned": 0.04,
            "lfw": 0.07, "lfw_turned": 0.06, "omi": 0.02, "omi_turned": 0.02, "portraits_cc0": 0.01,
            "portraits_cc0_turned": 0.01, "heads": 0.04,
        }
    )  # fmt: skip
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    init: Path | None = None

    def __post_init__(self) -> None:
        check_shares(self.shares, self.recipe)


class RegressorMethod(Method, Protocol):
    """A method whose networks include a regressor."""

    regressor: Regressor


def train_regressor(
    config: TrainRegressorConfig,
    method: RegressorMethod,
    set_names: tuple[str, ...],
    model: FaceModel,
    report: Callable[[str], None],
    *,
    needs_labels: bool = False,
) -> Path:
    """Train as configured, or continue where the run's folder ends.

    Args:
        config: What to train on, and how.
        method: What to train.
        set_names: Landmark sets that its batches carry.
        model: The face model.
        report: Gets lines about the progress.
        needs_labels: Whether the method cannot learn without samples whose coefficients are known.

    Returns:
        Path of the weights.

    Raises:
        DataError: If a source is missing.
        ConfigError: If no photo is kept for validation, no pack has a share, or `init` is another network.
    """
    crop_px = method.regressor.config.size_px
    sets = validation_sets(config.data, crop_px, config.recipe.held_out_people)
    sets += prepared_validation_sets(config.recipe.prepared, crop_px)
    if not sets:
        raise ConfigError(
            f"{config.data}: expected aflw, ytf, aflw2000_dev or prepared photos to validate on, found none."
        )
    if config.init is not None:
        start_from(config.init, method.regressor, model)
    fabric = launch(config.train.device, config.train.devices, config.train.num_nodes, config.train.precision)
    first = fabric.global_rank == 0
    # The other processes then find the packs made.
    with fabric.rank_zero_first():
        folder = config.packs or config.out / "packs"
        packs = build_packs(config.data, folder, model, config.recipe, report if first else _ignore)
    shares = {pack.name: config.shares.get(pack.name, 0.0) for pack in packs if len(pack)}
    maker = BatchMaker(
        [pack for pack in packs if len(pack)],
        shares,
        model,
        set_names,
        crop_px=crop_px,
        augment=config.augment,
    )
    samples = make_samples(model, choose_crops(sets))
    evaluate = make_evaluate(model, sets)
    trained = train(method, maker, config.train, config.out, evaluate, samples, needs_labels=needs_labels)
    path = config.out / f"{config.METHOD}.safetensors"
    if first:
        # A run by the clock knows its steps only now.
        made = replace(config, train=replace(config.train, steps=trained.steps))
        write_weights(trained["regressor"], model, sets, made, path)
    return path


def _ignore(line: str) -> None:
    """Take a line about the progress, of which the first process tells."""


def start_from(init: Path, regressor: Regressor, model: FaceModel) -> None:
    """Copy the weights of a file into a network of the same kind, or of the same kind with a landmark map.

    Raises:
        ModelFileError: If the file is no regressor.
        ConfigError: If it is another network, or belongs to another face model.
    """
    source, info = load_regressor(init)
    state, config = source.state_dict(), source.config
    wanted = regressor.config
    if config.landmark_map is None and wanted.landmark_map is not None:
        state = add_input_channel(state)
        wider = dataclasses.replace(config.backbone, in_channels=config.backbone.in_channels + 1)
        config = dataclasses.replace(config, backbone=wider, landmark_map=wanted.landmark_map)
    if config != wanted or info.coefficient_space != model.coefficient_space:
        raise ConfigError(
            f"init {init.name}: expected {wanted} in the space {model.coefficient_space}, got "
            f"{source.config} in {info.coefficient_space}. Set the method to match, or start without."
        )
    regressor.load_state_dict(state)


def write_weights(
    regressor: nn.Module,
    model: FaceModel,
    sets: list[ValidationSet],
    config: TrainRegressorConfig,
    path: Path,
) -> Path:
    """Save weights with their calibrated confidence, and register them beside their model card."""
    assert isinstance(regressor, Regressor)
    info = RegressorInfo(
        method=config.METHOD,
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


def _card(config: TrainRegressorConfig, metrics: dict[str, float]) -> dict[str, Any]:
    written = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    # Folders are the user's own and say nothing about the weights.
    prepared = [path.name for path in config.recipe.prepared]
    written["data"] = written["out"] = written["packs"] = None
    written["recipe"]["prepared"] = prepared
    written["init"] = config.init.name if config.init else None
    labelled_by = config.recipe.second_round.weights
    written["recipe"]["second_round"]["weights"] = labelled_by.name if labelled_by else None
    return {
        "method": config.METHOD,
        "command": f"monoface train {config.METHOD} --data DATA --out OUT",
        "data": "photos of " + ", ".join((*config.recipe.sources, *prepared)),
        "terms": _TERMS,
        "config": written,
        "steps": config.train.steps,
        "seed": config.train.seed,
        "metrics_percent": metrics,
        "confidence": "probability that the mean landmark error is below 5 % of the longer side of their box",
        "torch": torch.__version__,
    }
