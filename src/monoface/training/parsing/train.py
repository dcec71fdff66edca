"""The command `monoface train parsing`: masks, synthetic heads and unlabelled photos to a face parser."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from monoface.core.assets import register_asset
from monoface.core.errors import DataError
from monoface.data.batches.parsing_batch import ParsingAugmentConfig, ParsingBatchMaker
from monoface.data.labelling.fasseg_masks import LabelledHeads, read_labelled_heads
from monoface.data.labelling.mesh_classes import MeshClasses
from monoface.data.labelling.parsing_self_labels import SelfLabelConfig, label_photos, scenery_of
from monoface.data.packs.digests import model_digest
from monoface.data.packs.parsing_pack import ParsingPack
from monoface.data.packs.photo_pack import Pack
from monoface.data.recipes.photo_recipe import RecipeConfig, build_photo_packs
from monoface.data.synthetic.heads import HeadsConfig
from monoface.data.synthetic.parsing_heads import parsing_heads
from monoface.facemodel import FaceModel, face_model_file, open_face_model
from monoface.methods.parsing import Parsing, ParsingConfig
from monoface.networks import FaceParser, load_regressor, save_parser
from monoface.networks.weights_arrays import asset_or_path
from monoface.regression import check_space
from monoface.training.engine.cards import data_and_terms, named_file, recorded_config
from monoface.training.engine.config import TrainConfig
from monoface.training.engine.loop import TrainedNetworks, train
from monoface.training.parsing.validation import (
    ParsingValidation,
    make_parsing_evaluate,
    parsing_intervals,
    parsing_validation,
)

_SCENERY = 400


@dataclass(frozen=True)
class TrainParsingConfig:
    """Train the face parser: on masks and synthetic heads first, then on what it is sure of in photos too.

    Attributes:
        data: Folder that holds `fasseg` and the sources of the recipe.
        out: Folder of the run: packs, checkpoints, logs and, at the end, the weights.
        packs: Folder of the recipe's packs, as `train pretrain` makes them; those it lacks are made.
            `OUT/packs` by default.
        regressor: Regressor that finds the faces in `fasseg`: the name of shipped weights, or a path.
        recipe: Which photos without masks are used.
        heads: The synthetic heads.
        labels: What is believed of the first round's parser.
        method: The network and its loss.
        augment: How crops vary.
        first_shares: How much of a batch of the first round comes from each pack.
        shares: The same for the second round.
        first: How long and how fast the first round trains.
        train: The same for the second round, which begins with the first one's averaged weights.
        face_model: File that `monoface facemodel learn` wrote; the shipped face model by default.
    """

    data: Path
    out: Path
    packs: Path | None = None
    regressor: str = "pretrain"
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    heads: HeadsConfig = field(default_factory=lambda: HeadsConfig(count=800, seed=3))
    labels: SelfLabelConfig = field(default_factory=SelfLabelConfig)
    method: ParsingConfig = field(default_factory=ParsingConfig)
    augment: ParsingAugmentConfig = field(default_factory=ParsingAugmentConfig)
    first_shares: dict[str, float] = field(default_factory=lambda: {"fasseg": 0.75, "heads": 0.25})
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "fasseg": 0.4, "heads": 0.12, "aflw": 0.14, "lfw": 0.1, "ytf": 0.08, "omi": 0.1,
            "portraits_cc0": 0.06,
        }
    )  # fmt: skip
    first: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=600, batch=64, learning_rate=2e-3, warmup=40, average=0.99, evaluate_every=100,
            log_every=20, samples_every=0,
        )
    )  # fmt: skip
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=800, batch=64, learning_rate=1e-3, warmup=40, decay_from=0.3, average=0.995,
            evaluate_every=100, log_every=20, samples_every=0, seed=1,
        )
    )  # fmt: skip
    face_model: Path | None = None


def train_parsing(config: TrainParsingConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends; returns the path of the weights.

    Raises:
        DataError: If a source is missing.
        ConfigError: If a share names no pack.
        ModelFileError: If the regressor is of another face model.
    """
    model = open_face_model(config.face_model)
    regressor, info = load_regressor(asset_or_path(config.regressor))
    check_space(config.regressor, info, model)
    fasseg = read_labelled_heads(config.data / "fasseg", model, regressor)
    report(f"fasseg: {len(fasseg.pack)}, of them held out: {int(fasseg.held_out.sum())}")
    photos = build_photo_packs(
        config.data, config.packs or config.out / "packs", model, config.recipe, report
    )
    scenery = scenery_of(photos, _SCENERY)
    heads = _heads(config, model, scenery)
    report(f"heads: {len(heads)}")
    masks = [_training_part(fasseg), heads]
    validation = parsing_validation(fasseg, scenery, config.method.network.size_px)

    torch.manual_seed(config.first.seed)
    method = Parsing(config.method)
    first = _round(method, config, masks, scenery, validation, first=True)
    method.parser.load_state_dict(first["parser"].state_dict())
    mesh = MeshClasses(model, regressor)
    labelled = _self_labelled(config, photos, method.parser, mesh, first.steps, report)
    second = _round(method, config, [*masks, *labelled], scenery, validation, first=False)
    # Photos are seen behind heads and occluders as well, whatever their share.
    seen = {pack.name: "" for pack in masks} | {pack.name: pack.terms for pack in photos}
    return _write(second, config, first.steps, validation, seen)


def _round(
    method: Parsing,
    config: TrainParsingConfig,
    packs: list[ParsingPack],
    scenery: np.ndarray,
    validation: ParsingValidation,
    *,
    first: bool,
) -> TrainedNetworks:
    shares = config.first_shares if first else config.shares
    maker = ParsingBatchMaker(
        packs, shares, scenery, crop_px=config.method.network.size_px, augment=config.augment
    )
    folder = config.out / ("first" if first else "second")
    evaluate = make_parsing_evaluate(validation)
    return train(method, maker, config.first if first else config.train, folder, evaluate)


def _training_part(fasseg: LabelledHeads) -> ParsingPack:
    rows = np.flatnonzero(~fasseg.held_out)
    return ParsingPack("fasseg", fasseg.pack.canvases[rows], fasseg.pack.masks[rows])


def _heads(config: TrainParsingConfig, model: FaceModel, scenery: np.ndarray) -> ParsingPack:
    """Synthetic heads, kept in the run's folder."""
    recipe = _digest(dataclasses.asdict(config.heads), model_digest(model), str(len(scenery)))
    try:
        return ParsingPack.load(config.out / "heads", recipe)
    except DataError:
        pack = parsing_heads(model, scenery, config.heads)
        pack.save(config.out / "heads", recipe)
        return pack


def _self_labelled(
    config: TrainParsingConfig,
    photos: list[Pack],
    parser: FaceParser,
    mesh: MeshClasses,
    steps: int,
    report: Callable[[str], None],
) -> list[ParsingPack]:
    """Photos labelled by the first round's parser, kept in the run's folder."""
    parser.eval()
    packs = []
    for pack in photos:
        if not config.shares.get(pack.name):
            continue
        recipe = _digest(dataclasses.asdict(config.labels), steps, len(pack))
        folder = config.out / "labelled" / pack.name
        try:
            labelled = ParsingPack.load(folder, recipe)
        except DataError:
            labelled = label_photos(pack, parser, mesh, config.labels)
            labelled.save(folder, recipe)
        known = (labelled.masks != 255).mean()
        report(f"{pack.name}: {len(labelled)} labelled, {100 * known:.0f} % of their pixels known")
        packs.append(labelled)
    return packs


def _digest(*content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _write(
    trained: TrainedNetworks,
    config: TrainParsingConfig,
    first_steps: int,
    validation: ParsingValidation,
    seen: Mapping[str, str],
) -> Path:
    """Save the averaged weights, and register them beside their model card."""
    parser = trained["parser"]
    assert isinstance(parser, FaceParser)
    path = config.out / "parsing.safetensors"
    save_parser(parser, path)
    card = _card(config, (first_steps, trained.steps), parser, validation, seen)
    register_asset(path, card)
    return path


def _card(
    config: TrainParsingConfig,
    steps: tuple[int, int],
    parser: nn.Module,
    validation: ParsingValidation,
    seen: Mapping[str, str],
) -> dict[str, Any]:
    written = recorded_config(config) | {"data": None, "out": None, "packs": None}
    written["regressor"] = Path(config.regressor).name
    written["face_model"] = named_file(face_model_file(config.face_model))
    metrics = make_parsing_evaluate(validation)({"parser": parser})
    return {
        "method": "parsing",
        "command": "monoface train parsing --data DATA --out OUT",
        **data_and_terms(seen),
        "config": written,
        "steps": list(steps),
        "seed": config.train.seed,
        "held_out": "of fasseg the last 4 of the 15 people seen from all sides, and every 5th frontal photo",
        "iou_percent": {name: round(value, 2) for name, value in metrics.items()},
        "iou_95_percent_interval_over_people": parsing_intervals(parser, validation),
        "torch": torch.__version__,
    }
