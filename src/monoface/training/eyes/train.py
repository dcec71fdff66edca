"""The command `monoface train eyes`: eyes in photos, and what is known of them, to a network."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from monoface.core.assets import register_asset
from monoface.core.errors import ConfigError, DataError
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.eye_batch import EyeBatchMaker
from monoface.data.packs.eye_pack import EYE_CANVAS_PX, EYE_CANVAS_SIDES, EyePack
from monoface.data.people.eyes import eye_pack
from monoface.data.people.looking import Eyes, look_at_photos, looks_recipe
from monoface.data.people.marks import check_expressions
from monoface.data.people.photos import PeoplePhotos, open_photos
from monoface.facemodel import load_default_model
from monoface.methods.eyes import EyeReading, EyesConfig
from monoface.metrics import Agreement, Interval
from monoface.networks import EyeNetwork, save_eye_network
from monoface.training.engine.cards import data_and_terms, recorded_config
from monoface.training.engine.config import TrainConfig
from monoface.training.engine.loop import train
from monoface.training.eyes.rendered_eyes import RenderedEyesConfig, rendered_eyes
from monoface.training.eyes.validation import agreements, calibrated, make_eyes_evaluate

_PURPOSE: Final = (
    "How far each eye of a face is open, where it looks, and ARKit's blendshapes of eyes: `monoface "
    "reconstruct` sets lids and eyeballs by it."
)
_PROTOCOL: Final = (
    "Eyes of photos and people that were held out of training. Found against known values: correlation and "
    "slope, with 95 % bootstrap intervals over eyes. Gaps of lids are in widths of an eye, by points that "
    "people marked (MERL-RAV) and by those of the face landmarker; irises and blendshapes are the "
    "landmarker's."
)
# Landmarks by which eyes are cut out are off by some hundredths of an eye; photos are of any sharpness.
_AUGMENT: Final = AugmentConfig(
    turn_deg=4.0, tumble=0.0, scale=0.08, shift=0.035, mirror=0.0, grey=0.1, colour=0.2, blur=0.05, cover=0.05
)
_PORTRAITS: Final = ("omi", "portraits_cc0")
"""Sources of large photos, whose faces are rendered with other lids."""
_TRAIN: Final = TrainConfig(
    steps=8000, learning_rate=2e-3, warmup=200, decay_from=0.2, average=0.998, evaluate_every=1000,
    samples_every=0,
)  # fmt: skip


@dataclass(frozen=True)
class TrainEyesConfig:
    """Train the network that reads eyes.

    Attributes:
        data: Folder that holds the sources.
        landmarker: Your own copy of Google's face_landmarker.task (needs `monoface[labels]`).
        out: Folder of the run: eyes, checkpoints, log and, at the end, the weights.
        sources: Sources of photos, as `monoface data people` knows them.
        looks: Folder `looks` of a run of `monoface data people` on these sources, so that nothing is
            looked at twice; `OUT/looks` by default.
        min_score: Lowest score of the landmarker at which what it sees is used.
        rendered: Which eyes are rendered besides; of sources of large photos.
        augment: How crops vary.
        method: The network and its losses.
        train: How long and how fast.
    """

    data: Path
    landmarker: Path
    out: Path
    sources: tuple[str, ...] = ("aflw", "cfp", "ytf", "lfw", "omi", "portraits_cc0")
    looks: Path | None = None
    min_score: float = 0.9
    rendered: RenderedEyesConfig = field(default_factory=RenderedEyesConfig)
    augment: AugmentConfig = _AUGMENT
    method: EyesConfig = field(default_factory=EyesConfig)
    train: TrainConfig = _TRAIN

    def __post_init__(self) -> None:
        if not self.sources or len(set(self.sources)) != len(self.sources):
            raise ConfigError(f"eyes: expected sources of different names, got {self.sources}.")


def train_eyes(config: TrainEyesConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends; returns the path of the weights.

    Raises:
        DataError: If a source is missing, or shows no eyes.
        ConfigError: If `ai-edge-litert` is not installed.
        ModelFileError: If the landmarker cannot be read.
    """
    photos = [open_photos(name, config.data / name) for name in config.sources]
    packs = [*_packs(config, photos, report), *_rendered(config, photos, report)]
    torch.manual_seed(config.train.seed)
    method = EyeReading(config.method)
    maker = EyeBatchMaker(packs, augment=config.augment)
    trained = train(method, maker, config.train, config.out, make_eyes_evaluate(packs))
    network = trained["eyes"]
    assert isinstance(network, EyeNetwork)
    made = dataclasses.replace(config, train=dataclasses.replace(config.train, steps=trained.steps))
    path = config.out / "eyes.safetensors"
    save_eye_network(network, path, calibrated(network, packs))
    register_asset(path, _card(made, photos, packs, agreements(network, packs)))
    return path


def _packs(
    config: TrainEyesConfig, sources: Sequence[PeoplePhotos], report: Callable[[str], None]
) -> list[EyePack]:
    """Eyes of all sources, kept in the run's folder."""
    model, seeing = load_default_model(), Eyes(config.landmarker)
    check_expressions(model)
    packs = []
    for photos in sources:
        content = [looks_recipe(photos, seeing), config.min_score, EYE_CANVAS_PX, EYE_CANVAS_SIDES]
        recipe = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
        folder = config.out / "packs" / photos.name
        try:
            pack = EyePack.load(folder, recipe)
        except DataError:
            looks = (config.looks or config.out / "looks") / photos.name
            seen = look_at_photos(photos, seeing, looks, describe=False)
            eye_pack(photos, seen, model.expression_names, config.min_score).save(folder, recipe)
            pack = EyePack.load(folder, recipe)
        report(f"{photos.name}: {len(pack)} eyes, {int(pack.held_out.sum())} of them held out")
        packs.append(pack)
    return packs


def _rendered(
    config: TrainEyesConfig, sources: Sequence[PeoplePhotos], report: Callable[[str], None]
) -> list[EyePack]:
    """Eyes of reconstructed portraits, kept in the run's folder."""
    packs = []
    for photos in sources if config.rendered.count else ():
        if photos.name not in _PORTRAITS:
            continue
        name = f"rendered {photos.name}"
        content = [photos.digest, dataclasses.asdict(config.rendered), EYE_CANVAS_PX, EYE_CANVAS_SIDES]
        recipe = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
        folder = config.out / "packs" / name.replace(" ", "_")
        try:
            pack = EyePack.load(folder, recipe)
        except DataError:
            rendered_eyes(name, photos, config.rendered).save(folder, recipe)
            pack = EyePack.load(folder, recipe)
        report(f"{name}: {len(pack)} eyes")
        packs.append(pack)
    return packs


def _card(
    config: TrainEyesConfig,
    photos: Sequence[PeoplePhotos],
    packs: Sequence[EyePack],
    found: dict[str, Agreement],
) -> dict[str, Any]:
    written = recorded_config(config) | {"data": None, "out": None, "looks": None, "landmarker": None}
    return {
        "method": "eyes",
        "command": "monoface train eyes --data DATA --landmarker FILE --out OUT",
        **data_and_terms({one.name: one.terms for one in photos}, None),
        "purpose": _PURPOSE,
        "config": written,
        "steps": config.train.steps,
        "seed": config.train.seed,
        "eyes": {pack.name: len(pack) for pack in packs},
        "validation": {name: _figures(one) for name, one in found.items()},
        "validation_protocol": _PROTOCOL,
        "torch": torch.__version__,
    }


def _figures(found: Agreement) -> dict[str, Any]:
    return {
        "correlation": round(found.correlation, 3),
        "correlation_95": _rounded(found.correlation_interval_95),
        "slope": round(found.slope, 3),
        "slope_95": _rounded(found.slope_interval_95),
    }


def _rounded(interval: Interval) -> list[float]:
    return [round(interval.low, 3), round(interval.high, 3)]
