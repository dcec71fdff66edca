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
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.photo_batch import BatchMaker, BatchSource
from monoface.data.recipes.photo_recipe import RecipeConfig, build_packs
from monoface.data.recipes.shares import check_shares
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.mirroring import PointSets
from monoface.methods.contract import Method
from monoface.networks import (
    Regressor,
    RegressorInfo,
    add_input_channel,
    add_outputs,
    load_regressor,
    save_regressor,
)
from monoface.networks.weights_file import asset_or_path
from monoface.training.engine.config import TrainConfig
from monoface.training.engine.distribution import launch
from monoface.training.engine.loop import Evaluate, train
from monoface.training.regressors.confidence import calibrate_confidence
from monoface.training.regressors.samples import choose_crops, make_samples
from monoface.training.regressors.validation import (
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

# What the weights of the head that finds points are called by.
_POINT_HEAD = "point_head."


@dataclass(frozen=True)
class RegressorRunConfig:
    """Train a regressor.

    Attributes:
        data: Folder that holds the sources (`aflw`, `ytf`, …).
        out: Folder of the run: packs, checkpoints, log and, at the end, the weights.
        packs: Folder of packs; those it lacks are made. `OUT/packs` by default.
        train: How long and how fast.
        init: Weights to start from, a file or the name of shipped ones; random ones if absent. A network with
            a landmark map may start from one without, one with albedo and light from one of geometry alone.
    """

    METHOD: ClassVar[str]

    data: Path
    out: Path
    packs: Path | None = None
    train: TrainConfig = field(default_factory=TrainConfig)
    init: Path | None = None

    @property
    def photo_sources(self) -> tuple[str, ...]:
        """Names of the sources of photos, for the card."""
        return ()

    def recorded(self) -> dict[str, Any]:
        """The configuration as JSON values for the card: folders are the user's own and are left out."""
        written: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self), default=str))
        written["data"] = written["out"] = written["packs"] = None
        written["init"] = self.init.name if self.init else None
        return written


@dataclass(frozen=True)
class TrainRegressorConfig(RegressorRunConfig):
    """Train a regressor on single photos.

    Attributes:
        recipe: Which photos are used, and how.
        shares: How much of a batch comes from each pack, by name; packs without a share are not
            used. `_aside` packs exist in a second round only.
        augment: How crops vary.
    """

    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "aflw": 0.36, "aflw_aside": 0.2, "aflw_turned": 0.12, "ytf": 0.05, "ytf_turned": 0.04,
            "lfw": 0.07, "lfw_turned": 0.06, "omi": 0.02, "omi_turned": 0.02, "portraits_cc0": 0.01,
            "portraits_cc0_turned": 0.01, "heads": 0.04,
        }
    )  # fmt: skip
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        check_shares(self.shares, self.recipe)

    @property
    def photo_sources(self) -> tuple[str, ...]:
        """Sources of the recipe, and prepared folders by their names."""
        return (*self.recipe.sources, *(path.name for path in self.recipe.prepared))

    def recorded(self) -> dict[str, Any]:
        """The configuration as JSON values for the card."""
        written = super().recorded()
        labelled_by = self.recipe.second_round.weights
        written["recipe"]["prepared"] = [path.name for path in self.recipe.prepared]
        written["recipe"]["second_round"]["weights"] = labelled_by.name if labelled_by else None
        return written


class RegressorMethod(Method, Protocol):
    """A method whose networks include a regressor."""

    regressor: Regressor
    layout: CoefficientLayout


OpenSource = Callable[[Path, Callable[[str], None]], BatchSource]
"""Makes the packs that a folder lacks, telling about it, and opens what draws batches from them."""


def train_regressor(
    config: TrainRegressorConfig,
    method: RegressorMethod,
    set_names: tuple[str, ...],
    model: FaceModel,
    report: Callable[[str], None],
    *,
    needs_labels: bool = False,
) -> Path:
    """Train on single photos as configured, or continue where the run's folder ends.

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

    def open_packs(folder: Path, tell: Callable[[str], None]) -> BatchMaker:
        packs = [pack for pack in build_packs(config.data, folder, model, config.recipe, tell) if len(pack)]
        shares = {pack.name: config.shares.get(pack.name, 0.0) for pack in packs}
        return BatchMaker(packs, shares, model, set_names, crop_px=crop_px, augment=config.augment)

    sets = validation_sets(config.data, crop_px, config.recipe.held_out_people)
    sets += prepared_validation_sets(config.recipe.prepared, crop_px)
    return train_on_source(config, method, open_packs, sets, model, report, needs_labels=needs_labels)


def train_on_source(
    config: RegressorRunConfig,
    method: RegressorMethod,
    open_source: OpenSource,
    sets: list[ValidationSet],
    model: FaceModel,
    report: Callable[[str], None],
    *,
    needs_labels: bool = False,
    evaluate: Evaluate | None = None,
    point_sets: PointSets = (),
) -> Path:
    """Train on whatever a source of batches draws, or continue where the run's folder ends.

    Args:
        config: How to train.
        method: What to train.
        open_source: Opens the source.
        sets: What is validated on.
        model: The face model.
        report: Gets lines about the progress.
        needs_labels: Whether the method cannot learn without samples whose coefficients are known.
        evaluate: What is watched; errors on the sets by default.
        point_sets: Landmark sets of the network's points.

    Returns:
        Path of the weights.

    Raises:
        ConfigError: If no photo is kept for validation, or `init` is another network.
    """
    if not sets:
        raise ConfigError(
            f"{config.data}: expected aflw, ytf, aflw2000_dev or prepared photos to validate on, found none."
        )
    if config.init is not None:
        start_from(config.init, method.regressor, model, method.layout)
    fabric = launch(
        config.train.device, config.train.devices, config.train.num_nodes, config.train.chosen_precision
    )
    first = fabric.global_rank == 0
    # The other processes then find the packs made.
    with fabric.rank_zero_first():
        source = open_source(config.packs or config.out / "packs", report if first else _ignore)
    samples = make_samples(model, choose_crops(sets), method.layout)
    evaluate = evaluate or make_evaluate(model, sets, method.layout)
    trained = train(method, source, config.train, config.out, evaluate, samples, needs_labels=needs_labels)
    path = config.out / f"{config.METHOD}.safetensors"
    if first:
        # A run by the clock knows its steps only now.
        made = replace(config, train=replace(config.train, steps=trained.steps))
        write_weights(
            trained["regressor"], method.layout, model, sets, made, path,
            evaluate=evaluate, point_sets=point_sets,
        )  # fmt: skip
    return path


def _ignore(line: str) -> None:
    """Take a line about the progress, of which the first process tells."""


def start_from(init: Path, regressor: Regressor, model: FaceModel, layout: CoefficientLayout) -> None:
    """Copy weights, shipped or of a file, into a network of the same kind, or one that sees or tells more.

    A landmark map that the file does not know is not heeded at first; albedo and light are zero. Points that
    it does not know begin where they are. The side of the crops may differ, for the backbone is averaged over
    its map, but not that of a file with points.

    Raises:
        AssetError: If no weights of that name ship.
        ModelFileError: If the file is no regressor.
        ConfigError: If it is another network, or belongs to another face model.
    """
    source, info = load_regressor(asset_or_path(init))
    state, config = source.state_dict(), source.config
    wanted = regressor.config
    if config.landmark_map is None and wanted.landmark_map is not None:
        state = add_input_channel(state)
        wider = dataclasses.replace(config.backbone, in_channels=config.backbone.in_channels + 1)
        config = dataclasses.replace(config, backbone=wider, landmark_map=wanted.landmark_map)
    if config.outputs == layout.geometry_size:
        state = add_outputs(state, wanted.outputs - config.outputs)
        config = dataclasses.replace(config, outputs=wanted.outputs)
    if not config.points:
        own = regressor.state_dict()
        state = {name: value for name, value in own.items() if name.startswith(_POINT_HEAD)} | state
        config = dataclasses.replace(config, size_px=wanted.size_px, points=wanted.points)
    if config != wanted or info.coefficient_space != model.coefficient_space:
        raise ConfigError(
            f"init {init.name}: expected {wanted} in the space {model.coefficient_space}, got "
            f"{source.config} in {info.coefficient_space}. Set the method to match, or start without."
        )
    regressor.load_state_dict(state)


def write_weights(
    regressor: nn.Module,
    layout: CoefficientLayout,
    model: FaceModel,
    sets: list[ValidationSet],
    config: RegressorRunConfig,
    path: Path,
    *,
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
    register_asset(path, _card(config, metrics))
    return path


def _card(config: RegressorRunConfig, metrics: dict[str, float]) -> dict[str, Any]:
    return {
        "method": config.METHOD,
        "command": f"monoface train {config.METHOD} --data DATA --out OUT",
        "data": "photos of " + ", ".join(config.photo_sources),
        "terms": _TERMS,
        "config": config.recorded(),
        "steps": config.train.steps,
        "seed": config.train.seed,
        "metrics_percent": metrics,
        "confidence": "probability that the mean landmark error is below 5 % of the longer side of their box",
        "torch": torch.__version__,
    }
