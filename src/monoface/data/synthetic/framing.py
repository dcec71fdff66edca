"""Cameras that put synthetic heads into crops as photos' faces are (`roi_from_points`)."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel
from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera, transform_points
from monoface.geometry.roi import roi_from_points

_FRAMING_STEPS = 4
_LANDMARK_SET = "ibug68"


def framing_camera(model: FaceModel, coefficients: FaceCoefficients) -> WeakPerspectiveCamera:
    """Cameras that put the faces' crops in the middle of canvases."""
    points = model.subset(model.landmarks(_LANDMARK_SET))(coefficients.identity, coefficients.expression)
    turned = transform_points(coefficients.rotation, coefficients.translation_mm, points)
    box = roi_from_points(turned[..., :2])
    scale = FACE_PX / (box[:, 2] - box[:, 0])
    centre = (box[:, :2] + box[:, 2:]) / 2
    return WeakPerspectiveCamera(scale, CANVAS_PX / 2 - centre * scale[:, None])


def framed(
    model: FaceModel, coefficients: FaceCoefficients, focal_px: Float[Tensor, " batch"], face_px: int
) -> tuple[FaceCoefficients, PerspectiveCamera]:
    """Heads moved to where a pinhole camera sees their crops fill its picture.

    Args:
        model: The face model.
        coefficients: The heads; where they are does not matter.
        focal_px: Focal lengths of the cameras in pixels, which look at the middle of the picture.
        face_px: Side of the picture.
    """
    count = len(coefficients.rotation)
    camera = PerspectiveCamera(focal_px, torch.full((count, 2), face_px / 2))
    points = model.subset(model.landmarks(_LANDMARK_SET))(coefficients.identity, coefficients.expression)
    translation = torch.zeros(count, 3)
    translation[:, 2] = focal_px / (CoefficientLayout.SCALE_PER_SIZE * face_px)
    for _ in range(_FRAMING_STEPS):
        placed = transform_points(coefficients.rotation, translation, points)
        box = roi_from_points(camera.project(placed)[0])
        depth = translation[:, 2] * (box[:, 2] - box[:, 0]) / face_px
        centre = (box[:, :2] + box[:, 2:]) / 2 - camera.principal_px
        shifted = translation[:, :2] - centre * (translation[:, 2] / focal_px)[:, None]
        translation = torch.cat((shifted * (depth / translation[:, 2])[:, None], depth[:, None]), dim=-1)
    return replace(coefficients, translation_mm=translation), camera


def weak_camera_of(
    model: FaceModel, coefficients: FaceCoefficients, camera: PerspectiveCamera
) -> WeakPerspectiveCamera:
    """Weak perspective under which the 68 points come closest to where a pinhole shows them.

    Heads keep their rotation: near cameras show them otherwise than weak perspective would, and that must not
    pass for a turn.
    """
    points = model.subset(model.landmarks(_LANDMARK_SET))(coefficients.identity, coefficients.expression)
    placed = transform_points(coefficients.rotation, coefficients.translation_mm, points)
    seen_px = camera.project(placed)[0]
    middle_px, middle = seen_px.mean(dim=1), placed[..., :2].mean(dim=1)
    off_px, off = seen_px - middle_px[:, None], placed[..., :2] - middle[:, None]
    scale = (off_px * off).sum(dim=(1, 2)) / off.square().sum(dim=(1, 2))
    return WeakPerspectiveCamera(scale, middle_px - scale[:, None] * middle)
