"""Labels become packs: canvases of the photos, their marks and coefficients, and turned views of the best."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from monoface.core.names import encodable
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack, canvas_box
from monoface.data.people.config import PeopleConfig
from monoface.data.people.labels import PhotoLabels
from monoface.data.people.marks import SETS, SourceMarks
from monoface.data.people.mesh_points import AFLW_SET, HUMAN_SET, MESH_SET
from monoface.data.people.photos import NOBODY, PeoplePhotos
from monoface.data.preparing.prepared import PHOTOS, TURNED_VIEWS, VALIDATION, PreparedFolder, Record
from monoface.data.profiling.photo_turner import PosedPhoto, pack_of_views
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel
from monoface.facemodel.estimation.evidence import Poses
from monoface.geometry.cameras import NOMINAL_DISTANCE_MM, WeakPerspectiveCamera
from monoface.geometry.crops import crop_and_resize, photo_to_crop
from monoface.geometry.roi import roi_from_points


def write_packs(
    folder: PreparedFolder,
    photos: PeoplePhotos,
    marks: SourceMarks,
    labels: PhotoLabels,
    model: FaceModel,
    config: PeopleConfig,
    recipe: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Write the packs of a source, or those that lack; what is left out has a record and no sample.

    Args:
        folder: Was begun already.
        photos: Of the source.
        marks: Of the photos.
        labels: Of the photos.
        model: The face model.
        config: How photos are turned, and how many go into a shard.
        recipe: Identifies all that the packs are made of.
        progress: Told how many photos of how many are done.

    Returns:
        The summary: how many photos ended how.
    """
    count = len(photos)
    starts = range(0, count, config.photos_per_shard)
    for number, start in enumerate(starts):
        rows = np.arange(start, min(start + config.photos_per_shard, count))
        if not folder.has_shard(number):
            packs = shard_packs(photos, marks, labels, rows, model, config)
            folder.save_shard(number, _records(photos, labels, rows), packs, recipe)
        progress(int(rows[-1]) + 1, count)
    outcomes = Counter(labels.outcome)
    summary = {"photos": dict(outcomes), "validation": int((photos.held_out & labels.kept).sum())}
    folder.finish(len(starts), summary)
    return summary


def shard_packs(
    photos: PeoplePhotos,
    marks: SourceMarks,
    labels: PhotoLabels,
    rows: Int[np.ndarray, " rows"],
    model: FaceModel,
    config: PeopleConfig,
) -> dict[str, Pack]:
    """Packs of some photos by kind: training, turned views of those, and validation."""
    kept = labels.kept[rows]
    training, validation = rows[kept & ~photos.held_out[rows]], rows[kept & photos.held_out[rows]]
    pack = photo_pack(photos, labels, training, model)
    turnable = marks.mesh[training]
    turned = _turned(pack, turnable, model, config, int(rows[0]) if len(rows) else 0)
    held_out = photo_pack(photos, labels, validation, model)
    if HUMAN_SET in held_out.points_px:
        # Validation is measured against one annotated set, and this is the fuller one.
        sets = {name: points for name, points in held_out.points_px.items() if name != AFLW_SET}
        held_out = replace(held_out, points_px=sets)
    return {PHOTOS: pack, TURNED_VIEWS: turned, VALIDATION: held_out}


def photo_pack(
    photos: PeoplePhotos, labels: PhotoLabels, rows: Int[np.ndarray, " rows"], model: FaceModel
) -> Pack:
    """Photos as training samples."""
    coefficients, camera = coefficients_of(labels.identity[rows], labels.poses[rows], model)
    basis = model.subset(model.landmarks("ibug68"))
    points = basis(coefficients.identity, coefficients.expression)
    placed = (points @ coefficients.rotation.mT + coefficients.translation_mm[:, None])[..., :2]
    placed_px = placed * camera.scale_px_per_mm[:, None, None] + camera.principal_px[:, None]
    boxes = roi_from_points(placed_px)
    canvases = np.zeros((len(rows), CANVAS_PX, CANVAS_PX, 3), np.uint8)
    wide = canvas_box(boxes.numpy().astype(np.float64))
    for place, row in enumerate(map(int, rows)):
        canvases[place] = crop_and_resize(photos.image(row), wide[place], CANVAS_PX)
    marks_px = photo_to_crop(labels.points_px[rows], wide, CANVAS_PX).astype(np.float32)
    sets = {name: marks_px[:, where] for name, where in SETS.items() if name in _sets_of(photos)}
    camera = camera.cropped(boxes[:, :2], FACE_PX / (boxes[:, 2] - boxes[:, 0]))
    outputs = CoefficientLayout.of(model).encode(coefficients, camera, FACE_PX)
    trust = labels.trust[rows].astype(np.float32)
    return Pack(photos.name, canvases, sets, outputs.numpy().astype(np.float32), trust=trust)


def coefficients_of(
    identity: Float[np.ndarray, "photos identity"], poses: Poses, model: FaceModel
) -> tuple[FaceCoefficients, WeakPerspectiveCamera]:
    """Coefficients and camera of posed faces, in the photo's pixels."""
    count = len(identity)

    def single(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))

    depth = torch.zeros(count, 3)
    depth[:, 2] = NOMINAL_DISTANCE_MM
    coefficients = FaceCoefficients(
        single(identity),
        single(poses.expression),
        torch.zeros(count, model.albedo_size),
        single(poses.rotation),
        depth,
        torch.zeros(count, 9, 3),
    )
    return coefficients, WeakPerspectiveCamera(single(poses.scale_px), single(poses.shift_px))


def _sets_of(photos: PeoplePhotos) -> set[str]:
    return {MESH_SET, *photos.points_px}


def _turned(
    pack: Pack, turnable: Bool[np.ndarray, " samples"], model: FaceModel, config: PeopleConfig, seed: int
) -> Pack:
    """Views of the photos whose mesh is believed, turned out of plane."""
    layout = CoefficientLayout.of(model)
    coefficients, camera = layout.decode_weak(torch.from_numpy(pack.outputs), FACE_PX)
    margin = torch.full((len(pack), 2), -(CANVAS_PX - FACE_PX) / 2)
    camera = camera.cropped(margin, torch.ones(len(pack)))
    rows = np.flatnonzero(turnable) if config.turn.views else np.zeros(0, np.int64)
    trust = np.repeat(pack.trust[rows], config.turn.views) if pack.trust is not None else None
    found = (
        PosedPhoto(np.asarray(pack.canvases[row]), coefficients[row : row + 1], camera[row : row + 1])
        for row in map(int, rows)
    )
    views = pack_of_views(pack.name, found, len(pack), model, config.turn, config.seed * 1_000_003 + seed)
    return replace(views, trust=trust)


def _records(photos: PeoplePhotos, labels: PhotoLabels, rows: np.ndarray) -> list[Record]:
    records = []
    for row in map(int, rows):
        record: Record = {"photo": encodable(photos.keys[row]), "outcome": labels.outcome[row]}
        if photos.person[row] != NOBODY:
            record["person"] = int(photos.person[row])
        if photos.held_out[row]:
            record["held_out"] = True
        residual = float(labels.residual_mm[row])
        if np.isfinite(residual):
            record["residual_mm"] = round(residual, 2)
            record["identity_sigma_mm"] = round(float(labels.sigma_mm[row]), 2)
        records.append(record)
    return records
