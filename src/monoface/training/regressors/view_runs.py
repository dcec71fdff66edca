"""What the commands share that train on views of one face, with single photos among them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from monoface.core.errors import ConfigError
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.mixture import ViewMixture
from monoface.data.batches.photo_batch import BatchMaker
from monoface.data.batches.view_batch import MultiViewBatchMaker, ViewAugmentConfig
from monoface.data.recipes.photo_recipe import RecipeConfig, build_packs
from monoface.data.recipes.shares import check_shares
from monoface.data.recipes.view_recipe import ViewRecipeConfig, build_view_packs
from monoface.facemodel import FaceModel
from monoface.facemodel.coefficients import white_light
from monoface.facemodel.landmarks import JAW17
from monoface.methods.photo_regressor import PhotoRegressor
from monoface.networks import load_identity_encoder
from monoface.networks.identity import IdentityEncoder
from monoface.networks.weights_arrays import asset_or_path
from monoface.training.engine.cards import named_file
from monoface.training.regressors.configs import RegressorRunConfig, TrainRegressorConfig
from monoface.training.regressors.runs import SeenBatches, train_on_source
from monoface.training.regressors.validation import validation_sets


@dataclass(frozen=True)
class SinglePhotosConfig:
    """Single photos among the samples: annotated ones, above all, for the accuracy of landmarks.

    Attributes:
        share: Share of the samples that are three photos of anybody; 0 has none.
        packs: Folder of packs that `monoface train pretrain` made; those it lacks are made. `OUT/photos` by
            default.
        recipe: Which photos are used, and how.
        shares: How much of them comes from each pack, by name.
        augment: How crops vary.
    """

    share: float = 0.35
    packs: Path | None = None
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    shares: dict[str, float] = field(
        default_factory=lambda: {
            name: share
            for name, share in TrainRegressorConfig(data=Path(), out=Path()).shares.items()
            if name != "heads"
        }
    )
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ConfigError(f"photos: expected a share of at least 0 and below 1, got {self.share}.")
        check_shares(self.shares, self.recipe)


@dataclass(frozen=True)
class ViewRunConfig(RegressorRunConfig):
    """Train a regressor on views.

    Attributes:
        recipe: Which views are used, and how.
        shares: How much of the views comes from each pack, by name.
        augment: How crops of views vary.
        photos: Single photos among the samples.
        encoder: Says who a face is, for the perceptual term: the name of a shipped identity encoder or a
            path. None leaves the term out.
    """

    recipe: ViewRecipeConfig = field(default_factory=ViewRecipeConfig)
    shares: dict[str, float] = field(
        default_factory=lambda: {"ytf": 0.45, "fasseg": 0.12, "omi_turned": 0.1, "heads": 0.33}
    )
    augment: ViewAugmentConfig = field(default_factory=ViewAugmentConfig)
    photos: SinglePhotosConfig = field(default_factory=SinglePhotosConfig)
    encoder: str | None = "recognition"

    def recorded(self) -> dict[str, Any]:
        """The configuration as JSON values for the card."""
        written = super().recorded()
        written["recipe"]["parser"] = named_network(self.recipe.parser)
        written["encoder"] = named_network(self.encoder)
        written["photos"]["packs"] = None
        return written


def named_network(network: str | None) -> dict[str, str] | None:
    """Which file a network is, for a card."""
    return None if network is None else named_file(asset_or_path(network))


def train_on_views(
    config: ViewRunConfig,
    make_method: Callable[[FaceModel, IdentityEncoder | None], PhotoRegressor],
    model: FaceModel,
    report: Callable[[str], None],
) -> Path:
    """Train as configured, or continue where the run's folder ends; see `train_on_source`.

    Args:
        config: What to train on, and how.
        make_method: Makes what is trained, from the face model and what the perceptual term sees with.
        model: The face model.
        report: Gets lines about the progress.

    Raises:
        DataError: If a source is missing.
        ConfigError: If no photo is kept for validation, no pack has a share, or `init` is another network.
        AssetError: If no shipped network has the name of the parser or the encoder.
        ModelFileError: If one of them cannot be read.
    """
    mixed = config.train.chosen_precision == "bf16-mixed"
    encoder = load_identity_encoder(config.encoder, mixed=mixed) if config.encoder else None
    torch.manual_seed(config.train.seed)
    method = make_method(model, encoder)

    def open_views(folder: Path, tell: Callable[[str], None]) -> SeenBatches:
        return open_batches(config, method, model, folder, tell)

    held_out = max(config.recipe.held_out_people, config.photos.recipe.held_out_people)
    sets = validation_sets(config.data, method.config.input_px, held_out)
    return train_on_source(config, method, open_views, sets, model, report)


def open_batches(
    config: ViewRunConfig,
    method: PhotoRegressor,
    model: FaceModel,
    folder: Path,
    tell: Callable[[str], None],
) -> SeenBatches:
    """What draws the batches of a run; packs of views that a folder lacks are made, telling about it."""
    packs = [pack for pack in build_view_packs(config.data, folder, model, config.recipe, tell) if len(pack)]
    if JAW17 in method.set_names and not any(JAW17 in pack.frames.points_px for pack in packs):
        tell(f"no pack of views has outlines ({JAW17}): delete packs of an earlier version to make them anew")
    views = MultiViewBatchMaker(
        packs,
        {pack.name: config.shares.get(pack.name, 0.0) for pack in packs},
        model,
        method.set_names,
        white_light=white_light(torch.zeros(())),
        crop_px=method.config.view_px,
        augment=config.augment,
    )
    photos = config.photos
    if not photos.share:
        return views
    own = photos.packs or config.out / "photos"
    singles = [pack for pack in build_packs(config.data, own, model, photos.recipe, tell) if len(pack)]
    maker = BatchMaker(
        singles,
        {pack.name: photos.shares.get(pack.name, 0.0) for pack in singles},
        model,
        method.set_names,
        crop_px=method.config.view_px,
        augment=photos.augment,
    )
    return ViewMixture(views, maker, photos.share, method.layout.size)
