"""What the commands that train regressors share: packs, a start, the loop, weights with their card."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from monoface.core.errors import ConfigError
from monoface.data.batches.photo_batch import BatchMaker, BatchSource
from monoface.data.recipes.photo_recipe import build_packs
from monoface.facemodel import CoefficientLayout, FaceModel
from monoface.facemodel.mirroring import PointSets
from monoface.methods.contract import Method
from monoface.networks import Regressor
from monoface.training.engine.distribution import launch
from monoface.training.engine.loop import Evaluate, train
from monoface.training.regressors.configs import RegressorRunConfig, TrainRegressorConfig
from monoface.training.regressors.samples import choose_crops, make_samples
from monoface.training.regressors.starting import start_from
from monoface.training.regressors.validation import (
    ValidationSet,
    make_evaluate,
    prepared_validation_sets,
    validation_sets,
)
from monoface.training.regressors.weights import write_weights


class RegressorMethod(Method, Protocol):
    """A method whose networks include a regressor."""

    regressor: Regressor
    layout: CoefficientLayout


class SeenBatches(BatchSource, Protocol):
    """Where batches come from, and what that is."""

    @property
    def seen(self) -> Mapping[str, str]:
        """By the names of the packs that are drawn from, the terms that they state."""
        ...


OpenSource = Callable[[Path, Callable[[str], None]], SeenBatches]
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
        ModelFileError: If the face model lacks landmark sets of what is validated on.
    """
    if not sets:
        raise ConfigError(
            f"{config.data}: expected aflw, ytf, aflw2000_dev or prepared photos to validate on, found none."
        )
    model.require_landmarks((one.landmark_set for one in sets), f"validation of {config.METHOD}")
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
            seen=source.seen, evaluate=evaluate, point_sets=point_sets,
        )  # fmt: skip
    return path


def _ignore(line: str) -> None:
    """Take a line about the progress, of which the first process tells."""
