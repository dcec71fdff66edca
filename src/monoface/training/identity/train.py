"""The command `monoface train identity`: faces of known people to an encoder with its card."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from monoface.core.assets import register_asset
from monoface.core.errors import ConfigError
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.identity_batch import IdentityBatchMaker
from monoface.data.packs.identity_pack import ALIGNED_PX
from monoface.methods.identity import Identity, IdentityClassifier, IdentityConfig
from monoface.metrics.verification import Verification
from monoface.networks import load_regressor, save_identity_encoder
from monoface.pipeline import weights_path
from monoface.training.engine.cards import data_and_terms, recorded_config
from monoface.training.engine.config import TrainConfig
from monoface.training.engine.distribution import launch
from monoface.training.engine.loop import train
from monoface.training.identity.align_faces import IdentityRecipe, build_identity_faces
from monoface.training.identity.validation import HeldOut, held_out_sets, make_evaluate, verification

_PURPOSE = (
    "For comparing a render with the photo that it was made from, not for recognising people: thousands of "
    "photos are far too few for that."
)
_PROTOCOL = (
    "People that were held out of training. As many pairs of one person, from different photos or clips, as "
    "of different people, in ten folds without common people; each fold is judged by the threshold that is "
    "best on the others. Bounds are of 95 % bootstrap intervals over people. The sources may share people "
    "(both were collected from lists of well-known names), so somebody held out of one may be in the other."
)
# Aligned faces hardly turn. That people are few is made up for by strong changes of all else.
_AUGMENT = AugmentConfig(
    turn_deg=4.0, tumble=0.0, scale=0.05, shift=0.02, grey=0.15, colour=0.25, blur=0.3, cover=0.35
)
_TRAIN = TrainConfig(steps=1000, average=0.998, evaluate_every=250, samples_every=0)


@dataclass(frozen=True)
class TrainIdentityConfig:
    """Train the identity encoder.

    Attributes:
        data: Folder that holds the sources (`lfw`, `ytf`).
        out: Folder of the run: aligned faces, checkpoints, log and, at the end, the weights.
        recipe: Which faces are used.
        balance: How often people are seen: in proportion to the number of their faces to this power.
        augment: How crops vary.
        method: The encoder and its loss.
        train: How long and how fast.
        init: Regressor whose first stages the encoder starts from: the name of shipped weights, a path, or
            nothing to start from random ones.
    """

    data: Path
    out: Path
    recipe: IdentityRecipe = field(default_factory=IdentityRecipe)
    balance: float = 0.5
    augment: AugmentConfig = _AUGMENT
    method: IdentityConfig = field(default_factory=IdentityConfig)
    train: TrainConfig = _TRAIN
    init: str = "pretrain"

    def __post_init__(self) -> None:
        if self.method.network.size_px != ALIGNED_PX:
            raise ConfigError(
                f"identity: expected an encoder of faces of {ALIGNED_PX} pixels, as they are cut out, got "
                f"{self.method.network.size_px}."
            )


def train_identity(config: TrainIdentityConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends.

    Returns:
        Path of the weights.

    Raises:
        DataError: If a source is missing.
        ConfigError: If too few people are left to train or validate on, or `init` does not fit.
    """
    fabric = launch(
        config.train.device, config.train.devices, config.train.num_nodes, config.train.chosen_precision
    )
    first = fabric.global_rank == 0
    # The other processes then find the faces made.
    with fabric.rank_zero_first():
        sources = build_identity_faces(
            config.data, config.out / "faces", config.recipe, report if first else _ignore
        )
    sets = held_out_sets(sources)
    maker = IdentityBatchMaker(sources, balance=config.balance, augment=config.augment)
    torch.manual_seed(config.train.seed)
    method = Identity(maker.people, config.method)
    if config.init:
        regressor, _ = load_regressor(weights_path(config.init))
        method.classifier.encoder.start_from_regressor(regressor.state_dict())
    trained = train(method, maker, config.train, config.out, make_evaluate(sets))
    path = config.out / "identity.safetensors"
    if first:
        # A run by the clock knows its steps only now.
        made = dataclasses.replace(config, train=dataclasses.replace(config.train, steps=trained.steps))
        classifier = trained["identity"]
        assert isinstance(classifier, IdentityClassifier)
        save_identity_encoder(classifier.encoder, path)
        register_asset(path, _card(made, classifier, sets))
    return path


def _ignore(line: str) -> None:
    """Take a line about the progress, of which the first process tells."""


def _card(
    config: TrainIdentityConfig, trained: IdentityClassifier, sets: Sequence[HeldOut]
) -> dict[str, Any]:
    written = recorded_config(config) | {"data": None, "out": None}
    written["init"] = Path(config.init).name
    written["recipe"]["weights"] = Path(config.recipe.weights).name
    return {
        "method": "identity",
        "command": "monoface train identity --data DATA --out OUT",
        **data_and_terms(dict.fromkeys(config.recipe.sources, ""), config.init or None),
        "people": len(trained.people),
        "purpose": _PURPOSE,
        "config": written,
        "steps": config.train.steps,
        "seed": config.train.seed,
        "verification": {one.name: _metrics(verification(trained.encoder, one)) for one in sets},
        "verification_protocol": _PROTOCOL,
        "torch": torch.__version__,
    }


def _metrics(scored: Verification) -> dict[str, Any]:
    def percent(value: float) -> float:
        return round(100 * value, 2)

    return {
        "accuracy_percent": percent(scored.accuracy),
        "accuracy_percent_95": [percent(bound) for bound in scored.accuracy_95],
        "auc_percent": percent(scored.auc),
        "auc_percent_95": [percent(bound) for bound in scored.auc_95],
        "pairs": scored.pairs,
        "people": scored.people,
    }
