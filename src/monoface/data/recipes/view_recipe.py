"""The recipe of packs of views: which sources become which packs, and how."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8

from monoface.core.assets import sha256_of
from monoface.core.errors import ConfigError, DataError
from monoface.core.fixed_settings import whole_config
from monoface.data.labelling.parsed_skin import ParsedSkin
from monoface.data.labelling.pseudo_labels import TEACHER_SET
from monoface.data.labelling.view_labels import ViewLabelConfig, ViewLabeller
from monoface.data.labelling.view_photos import ViewPhotos
from monoface.data.labelling.view_skin import FindSkin
from monoface.data.packs.digests import recipe_of
from monoface.data.packs.view_pack import VIEW_CANVAS_PX, ViewPack
from monoface.data.profiling.turned_view_pack import TurnedViewsConfig, turned_views
from monoface.data.recipes.view_folders import FolderKind, folder_views
from monoface.data.recipes.view_frames import label_views
from monoface.data.recipes.view_sources import fasseg_views, single_views, ytf_views
from monoface.data.recipes.view_triplets import TripletConfig
from monoface.data.sources.registry import HEADS_TERMS, SOURCES, own_terms, source_of, terms_by_source
from monoface.data.synthetic.head_views import HeadViewsConfig, head_views
from monoface.facemodel import FaceModel

ViewSource = Literal["ytf", "fasseg"]
SingleSource = Literal["omi", "portraits_cc0", "lfw"]


@dataclass(frozen=True)
class ViewRecipeConfig:
    """What the packs of views are made of.

    Attributes:
        sources: Folders of the data that are used.
        folders: Folders of the user's own with several views of a face, by path, and what they are; each
            gives a pack of its own name.
        labels: How photos are labelled.
        parser: Finds skin in photos without annotated masks: the name of a shipped face parser or a path.
            None takes what the fitted face covers for skin.
        triplets: Which photos go together.
        turned: Single photos that are turned by profiling; from `turned_sources`.
        turned_sources: Folders of single photos.
        heads: Synthetic heads; a count of 0 makes none.
        held_out_people: Every n-th person of `ytf` is kept for validation.
        held_out_series: The last so many people of `fasseg` are.
        limit: At most so many photos of each source; 0 takes all.
        seed: Of the draw of samples.
    """

    sources: tuple[ViewSource, ...] = ("ytf", "fasseg")
    folders: dict[Path, FolderKind] = field(default_factory=dict)
    labels: ViewLabelConfig = field(default_factory=ViewLabelConfig)
    parser: str | None = "parsing"
    triplets: TripletConfig = field(default_factory=TripletConfig)
    turned: TurnedViewsConfig = field(default_factory=TurnedViewsConfig)
    turned_sources: tuple[SingleSource, ...] = ("omi",)
    heads: HeadViewsConfig = field(default_factory=HeadViewsConfig)
    held_out_people: int = 10
    held_out_series: int = 4
    limit: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.held_out_people < 1 or self.held_out_series < 0 or self.limit < 0:
            raise ConfigError(
                "recipe of views: expected held_out_people of at least 1, held_out_series and limit of at "
                f"least 0, got {self.held_out_people}, {self.held_out_series} and {self.limit}."
            )


def build_view_packs(
    data: Path,
    folder: Path,
    model: FaceModel,
    config: ViewRecipeConfig,
    report: Callable[[str], None],
) -> list[ViewPack]:
    """Make the packs of a recipe, or read those that are there already.

    Args:
        data: Holds the folders of the sources.
        folder: Where packs are kept.
        model: The face model of the labels.
        config: The recipe.
        report: Gets a line for each pack.

    Returns:
        A pack of each source and of each folder, then those of turned photos, then the synthetic heads.

    Raises:
        DataError: If a source is missing.
        ConfigError: If the weights that label are of another coefficient space.
        AssetError: If no shipped parser has the recipe's name.
        ModelFileError: If weights or parser cannot be read, or the face model lacks landmark sets.
    """
    turned = config.turned_sources if config.turned.count else ()
    pictures = (*config.sources, *(path.name for path in config.folders), *turned)
    model.require_landmarks((TEACHER_SET,) if pictures else (), f"labelling {', '.join(pictures)}")
    build = _Build(data, folder, model, config)
    packs = []
    for name in config.sources:
        packs.append(build.source(name))
        report(_told(packs[-1]))
    for path, kind in config.folders.items():
        packs.append(build.folder(path, kind))
        report(_told(packs[-1]))
    for single in turned:
        packs.append(build.turned(single))
        report(_told(packs[-1]))
    if config.heads.heads.count:
        packs.append(build.heads(packs))
        report(_told(packs[-1]))
    return packs


def read_views(name: ViewSource, data: Path, config: ViewRecipeConfig) -> ViewPhotos:
    """Photos of a source, of the people who are not kept for validation.

    Raises:
        DataError: If the source cannot be read.
    """
    if name == "ytf":
        return ytf_views(data / name, config.held_out_people, config.limit)
    return fasseg_views(data / name, config.held_out_series, config.limit)


class _Build:
    """Packs, made when they are asked for and not there."""

    def __init__(self, data: Path, folder: Path, model: FaceModel, config: ViewRecipeConfig) -> None:
        self._data, self._folder, self._model, self._config = data, folder, model, config
        self._find_skin: FindSkin | None = ParsedSkin.load(config.parser) if config.parser else None
        self._labeller: ViewLabeller | None = None

    def source(self, name: ViewSource) -> ViewPack:
        config = self._config
        held_out = config.held_out_people if name == "ytf" else config.held_out_series
        return self._labelled(name, [held_out], lambda: read_views(name, self._data, config))

    def folder(self, path: Path, kind: FolderKind) -> ViewPack:
        path = path.resolve()
        return self._labelled(
            path.name,
            [kind],
            lambda: folder_views(kind, path, self._config.limit),
            own_terms(path.name),
        )

    def turned(self, name: SingleSource) -> ViewPack:
        config = self._config

        def make() -> ViewPack:
            limit = min(config.turned.count, config.limit or config.turned.count)
            photos = single_views(name, SOURCES[name].read(self._data / name), limit)
            return turned_views(
                photos, self._model, self._labels(), config.turned, config.seed, self._find_skin
            )

        return self._kept(f"{name}_turned", [*self._labelling(), asdict(config.turned)], make)

    def heads(self, packs: list[ViewPack]) -> ViewPack:
        """Before the blurred photos of the first pack."""
        none = np.zeros((0, VIEW_CANVAS_PX, VIEW_CANVAS_PX, 3), np.uint8)
        backgrounds: UInt8[np.ndarray, "photos side side 3"] = packs[0].frames.canvases if packs else none
        config = self._config.heads
        made_of = [asdict(config), [(pack.name, len(pack)) for pack in packs[:1]]]
        behind = terms_by_source({pack.name: pack.frames.terms for pack in packs[:1]})
        terms = " ".join((HEADS_TERMS, *(f"Blurred behind them: {one}" for one in behind.values())))
        return self._kept("heads", made_of, lambda: head_views(self._model, backgrounds, config), terms)

    def _labelled(
        self, name: str, made_of: list[Any], read: Callable[[], ViewPhotos], terms: str = ""
    ) -> ViewPack:
        config = self._config

        def make() -> ViewPack:
            # Before photos are read, for the weights may be of another face model.
            labeller = self._labels()
            return label_views(
                read(),
                self._model,
                labeller,
                config.triplets,
                config.seed,
                self._folder,
                self._find_skin,
            )

        return self._kept(name, [*made_of, *self._labelling(), asdict(config.triplets)], make, terms)

    def _labels(self) -> ViewLabeller:
        self._labeller = self._labeller or ViewLabeller(self._model, self._config.labels)
        return self._labeller

    def _labelling(self) -> list[Any]:
        """All that labels and skin of photos depend on; weights count by what is in them."""
        labels = whole_config(self._config.labels)
        labels["weights"] = sha256_of(self._config.labels.weights_path)
        skin = None if self._find_skin is None else self._find_skin.digest
        return [labels, skin, self._config.limit, self._config.seed]

    def _kept(self, name: str, made_of: list[Any], make: Callable[[], ViewPack], terms: str = "") -> ViewPack:
        """Terms are those of the source of that name, if none are given."""
        terms = terms or SOURCES[source_of(name)].terms
        recipe = recipe_of(self._model, [name, made_of])
        try:
            return ViewPack.load(self._folder / name, recipe).with_terms(terms)
        except DataError:
            self._folder.mkdir(parents=True, exist_ok=True)
            make().with_terms(terms).save(self._folder / name, recipe)
            # From the disk, so that the pictures do not stay in memory.
            return ViewPack.load(self._folder / name, recipe)


def _told(pack: ViewPack) -> str:
    gates = np.bincount(pack.gate, minlength=3)
    return (
        f"{pack.name}: {len(pack)} samples, {len(pack.frames)} pictures; {gates[2]} with matched landmarks, "
        f"{gates[1]} seen together, {gates[0]} single views"
    )
