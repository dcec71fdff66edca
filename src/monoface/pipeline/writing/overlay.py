"""The photo with what was found in it drawn on top: mesh, landmarks and pose."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from monoface.geometry.cameras import AnyCamera, transform_points
from monoface.photos.reading import LoadedImage
from monoface.pipeline.face_skin import FaceSkin
from monoface.render import draw_landmarks, draw_mesh, draw_pose_axes

# Longest side of the picture drawn on: enough to look at, and quick to write.
_MAX_SIDE_PX = 1600

# Part of the landmarks' extent that is cut out around them to be drawn on: forehead, ears and arrows.
_MARGIN = 0.8

# So that the person stays recognisable.
_OPACITY = 0.45


def draw_faces(
    photo: LoadedImage, faces: Sequence[FaceSkin], doubtful: Sequence[FaceSkin]
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw all faces on a copy of the photo, at most 1600 pixels long: the largest last, over the others.

    Args:
        photo: The photo.
        faces: Its faces, largest first.
        doubtful: Those of too little confidence, largest first; they get their landmarks only.
    """
    picture = _reduced(photo)
    zoom = picture.shape[2] / photo.original_size_px[0]
    for some, with_mesh in ((doubtful, False), (faces, True)):
        for skin in reversed(some):
            _draw(picture, skin, zoom, with_mesh=with_mesh)
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)


def _reduced(photo: LoadedImage) -> Float[np.ndarray, "3 height width"]:
    width, height = photo.size_px
    shrink = min(1.0, _MAX_SIDE_PX / max(width, height))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    image = Image.fromarray(photo.image_srgb).resize(size, Image.Resampling.BOX)
    return np.asarray(image).transpose(2, 0, 1).astype(np.float32) / 255


def _draw(
    picture: Float[np.ndarray, "3 height width"], skin: FaceSkin, zoom: float, *, with_mesh: bool
) -> None:
    """Draw a face in place, in the part of the picture around it."""
    landmarks_px = skin.posed.landmarks68_px * zoom
    low, high = landmarks_px.min(axis=0), landmarks_px.max(axis=0)
    margin = _MARGIN * float((high - low).max())
    limits = np.array((picture.shape[2], picture.shape[1]))
    low = np.minimum(np.floor(low - margin).astype(int).clip(0), limits)
    high = np.minimum(np.ceil(high + margin).astype(int).clip(0), limits)
    if (high <= low).any():
        return
    rows, columns = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
    part = picture[:, rows, columns]
    if with_mesh:
        corner_px = low[None].astype(np.float32) / zoom
        camera = skin.posed.camera.cropped(corner_px, np.array([zoom], np.float32))
        part = _draw_mesh(part, skin, camera)
    picture[:, rows, columns] = draw_landmarks(part, landmarks_px - low)


def _draw_mesh(
    part: Float[np.ndarray, "3 height width"], skin: FaceSkin, camera: AnyCamera
) -> Float[np.ndarray, "3 height width"]:
    found, model = skin.posed.coefficients, skin.model
    verts_camera = transform_points(found.rotation, found.translation_mm, skin.posed.verts_mm[None])[0]
    # The face alone: the rest of the head would hide the photo and show little.
    shown = model.faces[model.data.regions["narrow_face"][model.faces].all(axis=1)]
    drawn = draw_mesh(part, camera, verts_camera, shown, weld=model.weld, opacity=_OPACITY)
    nose_camera = verts_camera[_foremost(skin)]
    return draw_pose_axes(drawn, camera, found.rotation[0], nose_camera)


def _foremost(skin: FaceSkin) -> int:
    """The vertex farthest out of the face: the tip of the nose, where the axes start."""
    narrow = skin.model.data.regions["narrow_face"]
    return int(np.where(narrow, skin.posed.verts_mm[:, 2], -np.inf).argmax())
