"""The recipe of the first training's data: which sources become which packs, and how."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from monoface.core.errors import ConfigError, DataError
from monoface.core.fixed_settings import whole_config
from monoface.core.progress import track
from monoface.data.labelling.pseudo_labels import TEACHER_SET, LabelConfig, LabelledPhotos, label_photos
from monoface.data.labelling.second_round import SecondRound, SecondRoundConfig
from monoface.data.packs.digests import CONTOUR_SET, digest_model, recipe_of
from monoface.data.packs.photo_pack import CANVAS_PX, Pack
from monoface.data.preparing.prepared import TURNED, PreparedFolder
from monoface.data.profiling.photo_turner import TurnConfig, turned_again, turned_pack
from monoface.data.sources import Aflw, Ytf
from monoface.data.sources.registry import HEADS_TERMS, held_out_ytf, open_source, terms_by_source
from monoface.data.synthetic.heads import HeadsConfig, heads_pack
from monoface.detection.teacher import FaceMeshConfig, FaceMeshTeacher
from monoface.facemodel import FaceModel

_PHOTO_PX = 256
# Photos turned by more than this are a pack of their own, so that training can see them more often.
_ASIDE_DEG = 35.0
# Landmark sets of the sources that have annotations.
_ANNOTATED = {"aflw": "aflw21", "ytf": CONTOUR_SET}


@dataclass(frozen=True)
class RecipeConfig:
    """What the packs are made of.

    Attributes:
        sources: Folders of the data that are used.
        prepared: Folders that `monoface data prepare` made; each gives a pack of its own name, and one of
            turned views.
        labels: When pseudo-labels are believed.
        turn: How photos are turned.
        second_round: Labels them anew with a network that was trained on the first ones.
        heads: Synthetic heads; a count of 0 makes none.
        held_out_people: Every n-th person of `ytf` is kept for validation.
        limit: At most so many photos of each source; 0 takes all.
        seed: Of the turned views.
    """

    sources: tuple[str, ...] = ("aflw", "ytf", "lfw", "omi", "portraits_cc0")
    prepared: tuple[Path, ...] = ()
    labels: LabelConfig = field(default_factory=LabelConfig)
    turn: TurnConfig = field(default_factory=TurnConfig)
    second_round: SecondRoundConfig = field(default_factory=SecondRoundConfig)
    heads: HeadsConfig = field(default_factory=HeadsConfig)
    held_out_people: int = 10
    limit: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.held_out_people < 1 or self.limit < 0:
            raise ConfigError(
                "recipe: expected held_out_people of at least 1 and a limit of at least 0, got "
                f"{self.held_out_people} and {self.limit}. A limit of 0 takes all photos."
            )


@dataclass(frozen=True)
class _Photos:
    images: Sequence[UInt8[np.ndarray, "side side 3"]]
    annotated_px: dict[str, np.ndarray]


def build_packs(
    data: Path, folder: Path, model: FaceModel, config: RecipeConfig, report: Callable[[str], None]
) -> list[Pack]:
    """Make the packs of a recipe, or read those that are there already.

    Args:
        data: Holds the folders of the sources.
        folder: Where packs are kept.
        model: The face model that is fitted.
        config: The recipe.
        report: Gets a line for each pack.

    Returns:
        For each source a pack of its photos and one of turned views, which may be empty; in a second
        round one more of the photos that look aside. Then the synthetic heads; then the packs of prepared
        photos, in parts of equal names.

    Raises:
        DataError: If a source is missing, or prepared photos are not there or not all.
        ModelFileError: If the face model lacks landmark sets that photos are labelled by.
    """
    _require_landmarks(model, config)
    again = config.second_round.weights is not None
    source = _FirstRound(data, folder, model, dataclasses.replace(config, second_round=SecondRoundConfig()))
    packs: list[Pack] = []
    for name in config.sources:
        if again:
            made = _second_round(folder, source.photos(name), model, config)
        else:
            made = [source.photos(name), source.turned(name)]
        report(", ".join(f"{pack.name}: {len(pack)}" for pack in made))
        packs += made
    if config.heads.count:
        packs.append(_heads(folder / "heads", model, packs, config))
        report(f"heads: {len(packs[-1])}")
    for path in config.prepared:
        made = PreparedFolder(path).packs(model.coefficient_space)
        turned = sum(len(pack) for pack in made if pack.name.endswith(TURNED))
        report(f"{path.name}: {sum(map(len, made)) - turned}, {path.name}{TURNED}: {turned}")
        packs += made
    return packs


def build_photo_packs(
    data: Path, folder: Path, model: FaceModel, config: RecipeConfig, report: Callable[[str], None]
) -> list[Pack]:
    """Make the first round's packs of photos alone, or read those that `build_packs` made; see there."""
    _require_landmarks(model, config)
    first = dataclasses.replace(config, second_round=SecondRoundConfig())
    source = _FirstRound(data, folder, model, first)
    packs = []
    for name in config.sources:
        packs.append(source.photos(name))
        report(f"{name}: {len(packs[-1])}")
    return packs


def _require_landmarks(model: FaceModel, config: RecipeConfig) -> None:
    needed = {TEACHER_SET, *(_ANNOTATED[name] for name in config.sources if name in _ANNOTATED)}
    model.require_landmarks(needed if config.sources else (), f"labelling {', '.join(config.sources)}")


class _FirstRound:
    """Packs labelled by the face-mesh network and by fits; made when they are asked for and not there."""

    def __init__(self, data: Path, folder: Path, model: FaceModel, config: RecipeConfig) -> None:
        self.recipe = _recipe_hash(model, config)
        self._data, self._folder, self._model, self._config = data, folder, model, config
        self._latest: LabelledPhotos | None = None

    def photos(self, name: str) -> Pack:
        try:
            return Pack.load(self._folder / name, self.recipe)
        except DataError:
            pack = self._labelled(name).pack(self._model)
            pack.save(self._folder / name, self.recipe)
            return pack

    def turned(self, name: str) -> Pack:
        try:
            return Pack.load(self._folder / f"{name}_turned", self.recipe)
        except DataError:
            pack = turned_pack(self._labelled(name), self._model, self._config.turn, self._config.seed)
            pack.save(self._folder / pack.name, self.recipe)
            return pack

    def _labelled(self, name: str) -> LabelledPhotos:
        # Both packs of a source are usually made one after the other.
        if self._latest is None or self._latest.name != name:
            photos = read_photos(name, self._data / name, self._config)
            teacher = FaceMeshTeacher(FaceMeshConfig(passes=3))
            self._latest = label_photos(
                name, photos.images, photos.annotated_px, self._model, teacher, self._config.labels
            )
        return self._latest


def _second_round(folder: Path, photos: Pack, model: FaceModel, config: RecipeConfig) -> list[Pack]:
    """The photos labelled anew, those of them that look aside once more, and new turned views."""
    recipe = _recipe_hash(model, config)
    names = (photos.name, f"{photos.name}_aside", f"{photos.name}_turned")
    try:
        return [Pack.load(folder / f"{name}.second", recipe) for name in names]
    except DataError:
        relabelled = SecondRound(model, config.second_round).relabel(photos)
        aside = np.flatnonzero(relabelled.aside_deg >= _ASIDE_DEG)
        turned = turned_again(relabelled, model, config.turn, config.seed)
        made = [relabelled.pack, relabelled.pack.chosen(names[1], aside), turned]
        for pack, name in zip(made, names, strict=True):
            pack.save(folder / f"{name}.second", recipe)
        return made


def _heads(folder: Path, model: FaceModel, packs: list[Pack], config: RecipeConfig) -> Pack:
    """Synthetic heads in front of the blurred photos of the first pack, whose terms are theirs too."""
    behind = terms_by_source({pack.name: pack.terms for pack in packs[:1]})
    terms = " ".join((HEADS_TERMS, *(f"Blurred behind them: {one}" for one in behind.values())))
    made_of = [whole_config(config.heads), [(pack.name, len(pack)) for pack in packs[:1]]]
    recipe = recipe_of(model, ["heads", made_of])
    try:
        return dataclasses.replace(Pack.load(folder, recipe), terms=terms)
    except DataError:
        backgrounds = packs[0].canvases if packs else np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8)
        heads = dataclasses.replace(heads_pack(model, backgrounds, config.heads), terms=terms)
        heads.save(folder, recipe)
        return heads


def read_photos(name: str, folder: Path, config: RecipeConfig) -> _Photos:
    """Training photos of a source with their annotations, no larger than 256 pixels.

    Raises:
        DataError: If there is no such source.
    """
    if name == "aflw":
        aflw = Aflw(folder, split="train")
        rows = _limited(range(len(aflw)), config)
        images = [aflw.image(int(row)) for row in track(rows, "reading aflw", "photos")]
        return _Photos(images, {_ANNOTATED[name]: aflw.points21_px[rows]})
    if name == "ytf":
        ytf = Ytf(folder)
        held_out = held_out_ytf(ytf, config.held_out_people)
        rows = _limited(np.flatnonzero(~held_out), config)
        points = ytf.points68_px[rows].astype(np.float32)
        # The jaw of these annotations is the silhouette, which is no fixed point of the mesh.
        points[:, :17] = np.nan
        images = [ytf.image(int(row)) for row in track(rows, "reading ytf", "photos")]
        return _Photos(images, {_ANNOTATED[name]: points})
    source = open_source(name, folder, RecipeConfig().sources)
    images = []
    for row in track(_limited(range(len(source)), config), f"reading {name}", "photos"):
        photo = Image.fromarray(source.image(int(row)))
        photo.thumbnail((_PHOTO_PX, _PHOTO_PX), Image.Resampling.LANCZOS)
        images.append(np.asarray(photo))
    return _Photos(images, {})


def _limited(rows: Sequence[int] | np.ndarray, config: RecipeConfig) -> np.ndarray:
    return np.asarray(rows)[: config.limit or None]


def _recipe_hash(model: FaceModel, config: RecipeConfig) -> str:
    content = whole_config(config)
    # Prepared photos and synthetic heads have recipes of their own.
    del content["prepared"], content["heads"]
    # Weights count by what is in them, not by where they lie.
    weights = content["second_round"].pop("weights")
    if weights is None:
        del content["second_round"]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    if weights is not None:
        digest.update(weights.read_bytes())
    digest_model(digest, model)
    return digest.hexdigest()[:16]
