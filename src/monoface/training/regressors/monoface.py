"""The command `monoface train monoface`: packs of photos, and of views, to the flagship's weights."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from monoface.core.errors import ConfigError
from monoface.data.batches.alternating import AlternatingBatches
from monoface.data.batches.photo_batch import BatchMaker
from monoface.data.batches.view_batch import MultiViewBatchMaker, ViewAugmentConfig
from monoface.data.packs.arrays import PACK_HEADER
from monoface.data.packs.photo_pack import Pack
from monoface.data.packs.view_pack import ViewPack
from monoface.data.preparing.prepared import TURNED
from monoface.data.recipes.photo_recipe import RecipeConfig, build_packs
from monoface.data.synthetic.head_expressions import PatternConfig
from monoface.data.synthetic.heads import HeadsConfig
from monoface.facemodel import FaceModel, open_face_model
from monoface.facemodel.coefficients import white_light
from monoface.methods.monoface import Monoface, MonofaceConfig
from monoface.networks import load_identity_encoder
from monoface.training.regressors.checks import check_training_data
from monoface.training.regressors.configs import TrainRegressorConfig
from monoface.training.regressors.face_validation import face_validation_sets, make_face_evaluate
from monoface.training.regressors.runs import SeenBatches, train_on_source
from monoface.training.regressors.validation import make_evaluate, prepared_validation_sets, validation_sets
from monoface.training.regressors.view_runs import named_network


def _recipe() -> RecipeConfig:
    """Prepared photos alone, and heads with expressions that photos rarely show."""
    sets = tuple(dict(MonofaceConfig().point_sets))
    heads = HeadsConfig(count=12000, active=4.0, patterns=PatternConfig.varied(), point_sets=sets)
    return RecipeConfig(sources=(), heads=heads)


@dataclass(frozen=True)
class TrainMonofaceConfig(TrainRegressorConfig):
    """Train the flagship.

    Attributes:
        recipe: Which photos are used, and how; by default prepared ones alone, and synthetic heads.
        shares: How much of a batch comes from each pack, by name; prepared folders need one each.
        method: Network and weights of the losses.
        views: Folder of packs that `monoface data views` made; without it there are steps of photos alone.
        view_shares: How much of the views comes from each pack, by name; all that are there alike by default.
        view_augment: How crops of views vary.
        views_every: Of so many steps one sees views.
        view_share: Pictures of a batch of views, as a share of a batch of photos.
        found_trust: How much an identity is worth, 0 to 1, that the recipe found in a single photo. Those of
            prepared folders and of synthetic heads count fully, unless their packs say otherwise.
        encoder: Says who a face is, for the perceptual terms of views: the name of a shipped identity encoder
            or a path. None leaves them out.
    """

    METHOD: ClassVar[str] = "monoface"

    recipe: RecipeConfig = field(default_factory=_recipe)
    shares: dict[str, float] = field(default_factory=lambda: {"heads": 0.25})
    method: MonofaceConfig = field(default_factory=MonofaceConfig)
    views: Path | None = None
    view_shares: dict[str, float] = field(default_factory=dict)
    view_augment: ViewAugmentConfig = field(default_factory=ViewAugmentConfig)
    views_every: int = 8
    view_share: float = 0.5
    found_trust: float = 0.0
    encoder: str | None = "recognition"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.found_trust <= 1:
            raise ConfigError(f"train monoface: expected a found_trust in 0..1, got {self.found_trust}.")

    def recorded(self) -> dict[str, Any]:
        """The configuration as JSON values for the card."""
        views = None if self.views is None else self.views.resolve().name
        encoder = None if self.views is None else named_network(self.encoder)
        return super().recorded() | {"views": views, "encoder": encoder}


def train_monoface(config: TrainMonofaceConfig, report: Callable[[str], None]) -> Path:
    """Train as configured, or continue where the run's folder ends; see `train_on_source`.

    Raises:
        DataError: If a source or a pack is missing or damaged.
        ConfigError: If no photo is kept for validation, no pack has a share, or `init` is another network.
    """
    model = open_face_model(config.face_model)
    mixed = config.train.chosen_precision == "bf16-mixed"
    seen = config.encoder if config.views is not None else None
    encoder = load_identity_encoder(seen, mixed=mixed) if seen else None
    torch.manual_seed(config.train.seed)
    method = Monoface(model, config.method, encoder)
    crop_px = config.method.crop_px

    def open_packs(folder: Path, tell: Callable[[str], None]) -> SeenBatches:
        return open_batches(config, method, model, folder, tell)

    sets = validation_sets(config.data, crop_px, config.recipe.held_out_people)
    # A prepared folder may be called as the source that its photos are of.
    prepared = prepared_validation_sets(config.recipe.prepared, crop_px)
    sets += [replace(one, name=f"prepared {one.name}") for one in prepared]
    of_landmarks = make_evaluate(model, sets, method.layout)
    of_faces = make_face_evaluate(
        model, face_validation_sets(config.recipe.prepared, model, crop_px), method.layout
    )
    return train_on_source(
        config,
        method,
        open_packs,
        sets,
        model,
        report,
        needs_labels=True,
        evaluate=lambda networks: of_landmarks(networks) | of_faces(networks),
        point_sets=config.method.point_sets,
    )


def open_batches(
    config: TrainMonofaceConfig, method: Monoface, model: FaceModel, folder: Path, tell: Callable[[str], None]
) -> SeenBatches:
    """What draws the batches of a run; packs of photos that a folder lacks are made, telling about it."""
    packs = [pack for pack in build_packs(config.data, folder, model, config.recipe, tell) if len(pack)]
    packs = [trusted(pack, config.recipe, config.found_trust) for pack in packs]
    shares = {pack.name: config.shares.get(pack.name, 0.0) for pack in packs}
    photos = BatchMaker(
        packs, shares, model, method.set_names, crop_px=config.method.crop_px, augment=config.augment
    )
    check_training_data(photos, needs_labels=True)
    if config.views is None:
        return photos
    found = view_packs_of(config.views)
    tell(", ".join(f"{pack.name}: {len(pack)} views" for pack in found))
    views = MultiViewBatchMaker(
        found,
        config.view_shares or {pack.name: 1.0 for pack in found},
        model,
        method.view_set_names,
        white_light=white_light(torch.zeros(())),
        crop_px=config.method.pictures.view_px,
        augment=config.view_augment,
    )
    return AlternatingBatches(photos, views, config.views_every, config.view_share)


def trusted(pack: Pack, recipe: RecipeConfig, found_trust: float) -> Pack:
    """A pack whose identities count less if the recipe itself found them in single photos."""
    people = {path.resolve().name for path in recipe.prepared}
    if pack.synthetic or pack.name.removesuffix(TURNED) in people:
        return pack
    return replace(pack, trust=np.full(len(pack), found_trust, np.float32))


def view_packs_of(folder: Path) -> list[ViewPack]:
    """All packs of views in a folder, by name.

    Raises:
        ConfigError: If there is none.
        DataError: If one is damaged.
    """
    paths = sorted(path.parent for path in folder.glob(f"*/{PACK_HEADER}"))
    packs = [pack for pack in map(ViewPack.load, paths) if len(pack)]
    if not packs:
        raise ConfigError(f"views {folder}: expected packs of monoface data views, found none.")
    return packs
