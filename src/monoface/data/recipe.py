"""The recipe of the first training's data: which sources become which packs, and how."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from monoface.core.errors import ConfigError, DataError
from monoface.data.packs import CANVAS_PX, FACE_PX, Pack
from monoface.data.prepared import TURNED, PreparedFolder
from monoface.data.profiling import PhotoRelief
from monoface.data.pseudo_labels import LabelConfig, LabelledPhotos, label_photos, roi_from_points
from monoface.data.sources import Aflw, Lfw, Omi, PortraitsCc0, Ytf
from monoface.data.synthetic import HeadsConfig, heads_pack
from monoface.detection.teacher import FaceMeshConfig, FaceMeshTeacher
from monoface.facemodel import CoefficientLayout, FaceModel, LandmarkSet, PointBasis
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points

_CONTOUR_SET = "ibug68_contour"
_PHOTO_PX = 256


@dataclass(frozen=True)
class TurnConfig:
    """How photos are turned out of plane.

    Attributes:
        views: New views of each photo.
        yaw_deg: Range of the yaw of the new views.
        pitch_deg: Largest change of pitch, either way.
        max_error_percent: Photos whose fit is worse are left out.
    """

    views: int = 2
    yaw_deg: tuple[float, float] = (20.0, 92.0)
    pitch_deg: float = 12.0
    max_error_percent: float = 1.6


@dataclass(frozen=True)
class RecipeConfig:
    """What the packs are made of.

    Attributes:
        sources: Folders of the data that are used.
        prepared: Folders that `monoface data prepare` made; each gives a pack of its own name, and one of
            turned views.
        labels: When pseudo-labels are believed.
        turn: How photos are turned.
        heads: Synthetic heads; a count of 0 makes none.
        held_out_people: Every so manieth person of `ytf` is kept for validation.
        limit: At most so many photos of each source; 0 takes all.
        seed: Of the turned views.
    """

    sources: tuple[str, ...] = ("aflw", "ytf", "lfw", "omi", "portraits_cc0")
    prepared: tuple[Path, ...] = ()
    labels: LabelConfig = field(default_factory=LabelConfig)
    turn: TurnConfig = field(default_factory=TurnConfig)
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
class _Skin:
    """The part of the face model that turning a photo needs: the face's own surface, and its 68 points."""

    basis: PointBasis
    faces: Tensor
    landmarks68: PointBasis

    @classmethod
    def of(cls, model: FaceModel) -> "_Skin":
        face = model.data.regions["face"]
        number = torch.cumsum(face, dim=0) - 1
        inside = model.faces[face[model.faces].all(dim=1)]
        verts = LandmarkSet.from_vertices(face.nonzero()[:, 0].numpy())
        return cls(model.subset(verts), number[inside], model.subset(model.landmarks("ibug68")))


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
        For each source a pack of its photos and one of turned views, which may be empty; then the
        synthetic heads; then the packs of prepared photos, in parts of equal names.

    Raises:
        DataError: If a source is missing, or prepared photos are not there or not all.
    """
    recipe = _recipe_hash(model, config)
    packs = []
    teacher = FaceMeshTeacher(FaceMeshConfig(passes=3))
    for name in config.sources:
        try:
            made = [Pack.load(folder / kind, recipe) for kind in (name, f"{name}_turned")]
        except DataError:
            photos = read_photos(name, data / name, config)
            labelled = label_photos(name, photos.images, photos.annotated_px, model, teacher, config.labels)
            made = [labelled.pack(model), turned_pack(labelled, model, config)]
            for pack in made:
                pack.save(folder / pack.name, recipe)
        report(f"{name}: {len(made[0])} photos, {len(made[1])} turned views")
        packs += made
    if config.heads.count:
        packs.append(_heads(folder / "heads", recipe, model, packs, config))
        report(f"heads: {len(packs[-1])} synthetic")
    for path in config.prepared:
        made = PreparedFolder(path).packs()
        turned = sum(len(pack) for pack in made if pack.name.endswith(TURNED))
        report(f"{path.name}: {sum(map(len, made)) - turned} prepared photos, {turned} turned views")
        packs += made
    return packs


def check_shares(shares: Mapping[str, float], config: RecipeConfig) -> None:
    """Refuse shares of packs that no recipe makes, and prepared photos without any share.

    Raises:
        ConfigError: If there are some.
    """
    prepared = {PreparedFolder(path).name for path in config.prepared}
    names = {*RecipeConfig().sources, *config.sources, *prepared}
    known = {"heads", *names, *(name + TURNED for name in names)}
    if unknown := shares.keys() - known:
        raise ConfigError(
            f"shares: expected names of packs, got {', '.join(sorted(unknown))}. "
            f"There are: {', '.join(sorted(known))}."
        )
    if unused := {name for name in prepared if not {name, name + TURNED} & shares.keys()}:
        raise ConfigError(
            f"shares: expected shares of all prepared photos, got none of {', '.join(sorted(unused))}. "
            "Give them one, or leave them out."
        )


def model_digest(model: FaceModel) -> str:
    """Identifies a face model, as far as labels depend on it."""
    digest = hashlib.sha256()
    _digest_model(digest, model)
    return digest.hexdigest()[:16]


def _heads(folder: Path, recipe: str, model: FaceModel, packs: list[Pack], config: RecipeConfig) -> Pack:
    """Synthetic heads in front of the blurred photos of the first pack."""
    try:
        return Pack.load(folder, recipe)
    except DataError:
        backgrounds = packs[0].canvases if packs else np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8)
        heads = heads_pack(model, backgrounds, config.heads)
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
        return _Photos([aflw.image(int(row)) for row in rows], {"aflw21": aflw.points21_px[rows]})
    if name == "ytf":
        ytf = Ytf(folder)
        held_out = held_out_ytf(ytf, config.held_out_people)
        rows = _limited(np.flatnonzero(~held_out), config)
        points = ytf.points68_px[rows].astype(np.float32)
        # The jaw of these annotations is the silhouette, which is no fixed point of the mesh.
        points[:, :17] = np.nan
        return _Photos([ytf.image(int(row)) for row in rows], {_CONTOUR_SET: points})
    plain: dict[str, Callable[[Path], Lfw | Omi | PortraitsCc0]] = {
        "lfw": Lfw,
        "omi": Omi,
        "portraits_cc0": PortraitsCc0,
    }
    if name not in plain:
        raise DataError(f"source {name}: expected one of aflw, ytf, {', '.join(plain)}.")
    source = plain[name](folder)
    images = []
    for row in _limited(range(len(source)), config):
        photo = Image.fromarray(source.image(int(row)))
        photo.thumbnail((_PHOTO_PX, _PHOTO_PX), Image.Resampling.LANCZOS)
        images.append(np.asarray(photo))
    return _Photos(images, {})


def held_out_ytf(ytf: Ytf, every: int) -> np.ndarray:
    """Which photos of `ytf` show people kept for validation."""
    people = np.unique(ytf.person)
    return np.isin(ytf.person, people[::every])


def turned_pack(photos: LabelledPhotos, model: FaceModel, config: RecipeConfig) -> Pack:
    """New views of the photos that fit well, with known coefficients."""
    rng = np.random.default_rng((config.seed, len(photos.images)))
    usable = photos.good & (photos.fit.error_percent.numpy() <= config.turn.max_error_percent)
    skin = _Skin.of(model)
    views = [
        view
        for row in np.flatnonzero(usable)
        for view in _turned_views(photos, int(row), skin, config.turn, rng)
    ]
    layout = CoefficientLayout.of(model)
    if not views:
        return Pack(
            f"{photos.name}_turned",
            np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8),
            {},
            np.zeros((0, layout.size), np.float32),
        )
    return Pack(
        f"{photos.name}_turned",
        np.stack([view[0] for view in views]),
        {},
        np.stack([view[1] for view in views]),
    )


def _turned_views(
    photos: LabelledPhotos, row: int, skin: _Skin, config: TurnConfig, rng: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    image = photos.images[row]
    zoom = image.shape[0] / FACE_PX
    coefficients = photos.fit.coefficients[slice(row, row + 1)]
    camera = WeakPerspectiveCamera(
        photos.fit.camera.scale_px_per_mm[row : row + 1] * zoom,
        photos.fit.camera.principal_px[row : row + 1] * zoom,
    )
    verts = skin.basis(coefficients.identity, coefficients.expression)
    landmarks = skin.landmarks68(coefficients.identity, coefficients.expression)
    verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
    relief = PhotoRelief(image, verts_camera, skin.faces, camera, coefficients)
    layout = CoefficientLayout(coefficients.identity.shape[1], coefficients.expression.shape[1])
    views = []
    for _ in range(config.views):
        yaw, pitch = _draw_turn(relief.yaw_rad, config, rng)
        new_camera = _framing_camera(landmarks, relief.turned_rotation(yaw, pitch))
        view = relief.turned(yaw, pitch, new_camera, CANVAS_PX)
        pose = dataclasses.replace(coefficients, rotation=view.rotation, translation_mm=view.translation_mm)
        margin = (CANVAS_PX - FACE_PX) / 2
        face_camera = new_camera.cropped(torch.full((1, 2), margin), torch.ones(1))
        output = layout.encode(pose, face_camera, FACE_PX)[0].numpy()
        views.append((_filled(view.image, view.covered, rng), output))
    return views


def _draw_turn(yaw_rad: float, config: TurnConfig, rng: np.random.Generator) -> tuple[float, float]:
    """Added yaw and pitch in radians; a face that looks aside is turned further the same way."""
    aside = abs(yaw_rad) > math.radians(8)
    sign = math.copysign(1.0, yaw_rad) if aside else float(rng.choice((-1.0, 1.0)))
    low = max(math.radians(config.yaw_deg[0]), abs(yaw_rad))
    target = sign * rng.uniform(low, math.radians(config.yaw_deg[1]))
    return target - yaw_rad, math.radians(config.pitch_deg) * rng.uniform(-1, 1)


def _framing_camera(
    landmarks_mm: Float[Tensor, "1 68 3"], rotation: Float[Tensor, "1 3 3"]
) -> WeakPerspectiveCamera:
    """Camera that puts the crop of the turned face in the middle of a canvas."""
    box = roi_from_points((landmarks_mm @ rotation.mT)[..., :2])
    scale = FACE_PX / (box[:, 2] - box[:, 0])
    centre = (box[:, :2] + box[:, 2:]) / 2
    return WeakPerspectiveCamera(scale, CANVAS_PX / 2 - centre * scale[:, None])


def _filled(image: np.ndarray, covered: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put smooth random colours where nothing was drawn."""
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    background = np.asarray(coarse.resize((CANVAS_PX, CANVAS_PX), Image.Resampling.BICUBIC))
    return np.where(covered[..., None], image, background)


def _limited(rows: Sequence[int] | np.ndarray, config: RecipeConfig) -> np.ndarray:
    return np.asarray(rows)[: config.limit or None]


def _recipe_hash(model: FaceModel, config: RecipeConfig) -> str:
    # Prepared photos have recipes of their own.
    fields = {name: value for name, value in dataclasses.asdict(config).items() if name != "prepared"}
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode())
    _digest_model(digest, model)
    return digest.hexdigest()[:16]


def _digest_model(digest: "hashlib._Hash", model: FaceModel) -> None:
    digest.update(model.coefficient_space.encode())
    digest.update(model.mean_mm.numpy().tobytes())
    for name in ("facemesh468", "aflw21", _CONTOUR_SET, "ibug68"):
        points = model.landmarks(name)
        digest.update(points.index.numpy().tobytes())
        digest.update(points.weight.numpy().tobytes())
