"""From photos of faces from several sides to packs of views."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8

from monoface.core.progress import track_batches
from monoface.data.labelling.view_labels import ViewLabeller, ViewLabels
from monoface.data.labelling.view_photos import ViewPhotos
from monoface.data.labelling.view_skin import FindSkin, find_skin_in
from monoface.data.packs.photo_pack import Pack, canvas_box
from monoface.data.packs.view_pack import (
    MATCHED,
    SEEN_TOGETHER,
    SINGLE,
    VIEW_CANVAS_PX,
    VIEW_FACE_PX,
    ViewPack,
)
from monoface.data.recipes.view_triplets import TripletConfig, choose_triplets
from monoface.facemodel import CoefficientLayout, FaceModel, LandmarkSet
from monoface.facemodel.landmarks import JAW17
from monoface.geometry.crops import crop_and_resize, photo_to_crop

# Photos in memory at a time.
_CHUNK = 512
# Of a view whose landmarks are matched: enough to say where epipolar lines go.
_MIN_POINTS = 17
# Of the vertices that tell how alike expressions are.
_VERTEX_STEP = 8


def label_views(
    photos: ViewPhotos,
    model: FaceModel,
    labeller: ViewLabeller,
    triplets: TripletConfig,
    seed: int,
    scratch: Path,
    find_skin: FindSkin | None = None,
) -> ViewPack:
    """Label photos, cut them out and put together what shows one face.

    Photos are read in parts, and their canvases are kept in a file, so that memory does not grow with their
    number.

    Args:
        photos: The photos.
        model: The face model.
        labeller: Says what is known about them.
        triplets: Which go together, unless the photos say so.
        seed: Of the draw among them.
        scratch: Folder for the file.
        find_skin: Finds skin where no masks are annotated; without it skin is where the fitted face is seen.
    """
    count = len(photos)
    canvases = _on_disk(scratch, (count, VIEW_CANVAS_PX, VIEW_CANVAS_PX, 3))
    skin = _on_disk(scratch, (count, VIEW_CANVAS_PX, VIEW_CANVAS_PX))
    parts = []
    for start in track_batches(count, _CHUNK, f"labelling views of {photos.name}", "photos"):
        rows = slice(start, min(start + _CHUNK, count))
        images = [photos.images[row] for row in range(rows.start, rows.stop)]
        yaw_deg = None if photos.yaw_deg is None else photos.yaw_deg[rows]
        # Outlines are no fixed points: they say nothing about labels.
        points = {name: points[rows] for name, points in photos.points_px.items() if name != JAW17}
        found = labeller.label(images, photos.boxes[rows], points, yaw_deg, trusted=photos.trusted)
        grown = canvas_box(found.boxes, VIEW_CANVAS_PX / VIEW_FACE_PX)
        for row, image, box in zip(range(rows.start, rows.stop), images, grown, strict=True):
            canvases[row] = crop_and_resize(image, box, VIEW_CANVAS_PX)
        if photos.skin is None:
            seen = find_skin_in(canvases[rows], grown, images, found.outputs, model, find_skin)
            # A fitted face that is not believed says nothing about skin.
            skin[rows] = np.where(found.believed[:, None, None] | (find_skin is not None), seen, 0)
        else:
            for row, box in zip(range(rows.start, rows.stop), grown, strict=True):
                skin[row] = _cut_mask(photos.skin[row], box)
        parts.append(found)
    labels = _joined(parts)
    grown = canvas_box(labels.boxes, VIEW_CANVAS_PX / VIEW_FACE_PX)
    points_px = {
        name: photo_to_crop(points, grown, VIEW_CANVAS_PX).astype(np.float32)
        for name, points in (labels.points_px | _outlines(photos)).items()
    }
    outputs = np.where(labels.believed[:, None], labels.outputs, np.nan).astype(np.float32)
    frames = Pack(photos.name, canvases, points_px, outputs, VIEW_FACE_PX)
    views, gate = _samples(photos, labels, model, triplets, seed)
    unknown = np.full((count, model.albedo_size), np.nan, np.float32)
    light, focal = np.full((count, 9, 3), np.nan, np.float32), np.full(count, np.nan, np.float32)
    return ViewPack(frames, skin, unknown, light, focal, views, gate)


def _outlines(photos: ViewPhotos) -> dict[str, np.ndarray]:
    return {name: points for name, points in photos.points_px.items() if name == JAW17}


def _samples(
    photos: ViewPhotos, labels: ViewLabels, model: FaceModel, config: TripletConfig, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Photos of each sample, and what may be compared between them."""
    if photos.views is not None and photos.gate is not None:
        return photos.views, photos.gate
    yaw_deg = labels.yaw_deg if photos.yaw_deg is None else photos.yaw_deg
    rng = np.random.default_rng((seed, len(photos)))
    views = choose_triplets(photos.group, yaw_deg, labels.believed, config, rng)
    seen = sum(np.isfinite(points).all(axis=-1).sum(axis=-1) for points in labels.points_px.values())
    matched = (np.asarray(seen)[views] >= _MIN_POINTS).all(axis=1)
    alike = _expression_change_mm(model, labels.outputs, views) <= config.max_expression_mm
    return views, np.where(alike, np.where(matched, MATCHED, SEEN_TOGETHER), SINGLE).astype(np.int64)


@torch.no_grad()
def _expression_change_mm(
    model: FaceModel, outputs: Float32[np.ndarray, "frames outputs"], views: Int64[np.ndarray, "samples 3"]
) -> Float[np.ndarray, " samples"]:
    """How far the expressions of other views move the narrow face from where that of the target does."""
    coefficients, _ = CoefficientLayout.of(model).decode(torch.from_numpy(outputs), VIEW_FACE_PX)
    verts = model.data.regions["narrow_face"].nonzero()[::_VERTEX_STEP, 0].numpy()
    basis = model.subset(LandmarkSet.from_vertices(verts))
    posed = basis(torch.zeros_like(coefficients.identity), coefficients.expression)[torch.from_numpy(views)]
    moved = (posed - posed[:, 1:2]).norm(dim=-1).mean(dim=-1)
    return moved.amax(dim=1).double().numpy()


def _cut_mask(mask: UInt8[np.ndarray, "height width"], box: Float[np.ndarray, " 4"]) -> np.ndarray:
    return crop_and_resize(np.repeat(mask[..., None], 3, axis=2), box, VIEW_CANVAS_PX)[..., 0]


def _joined(parts: list[ViewLabels]) -> ViewLabels:
    def join(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    points = {name: np.concatenate([part.points_px[name] for part in parts]) for name in parts[0].points_px}
    return ViewLabels(
        join("boxes"), join("outputs"), join("believed"), points, join("yaw_deg"), join("marked_percent")
    )


def _on_disk(folder: Path, shape: tuple[int, ...]) -> np.ndarray:
    """An array in a file without a name, which is gone when nobody uses it any more."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(int(np.prod(shape)))
        return np.memmap(file, dtype=np.uint8, mode="r+", shape=shape)
