"""Portraits as the albedo learner sees them: what colour each vertex of a fitted face has in the photo."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from monoface.data.labelling.pseudo_labels import TEACHER_SET
from monoface.detection.detector import FaceDetector, FaceDetectorConfig
from monoface.detection.teacher import FaceMeshTeacher
from monoface.facemodel.fitting import FitConfig, LandmarkFit, fit_landmarks
from monoface.facemodel.model import FaceModel
from monoface.geometry.cameras import transform_points
from monoface.geometry.triangles import vertex_normals
from monoface.render import vertex_visibility
from monoface.render.renderer import project
from monoface.shading import srgb_to_linear

# Landmarks of a good fit lie within this part of the face's size, in percent.
_MAX_ERROR_PERCENT = 2.5
# Surfaces seen at a smaller angle than this cosine show more of their neighbours than of themselves.
_MIN_FACING = 0.25


@dataclass(frozen=True)
class PortraitSamples:
    """Fitted portraits, sampled at the vertices of the model.

    Attributes:
        colour: Linear RGB of the photo where each vertex lies.
        weight: How far it shows the vertex, 0 to 1.
        normals: Unit normals of the fitted face in the camera frame.
    """

    colour: Float[np.ndarray, "portraits verts 3"]
    weight: Float[np.ndarray, "portraits verts"]
    normals: Float[np.ndarray, "portraits verts 3"]


def sample_portraits(model: FaceModel, images: Sequence[np.ndarray]) -> PortraitSamples:
    """Find and fit the largest face of each portrait and read the colours of its vertices.

    Portraits without a face or with a bad fit are left out. Pictures must be square and of one size.

    Args:
        model: Has the teacher's landmark set.
        images: 8-bit RGB.
    """
    marked, points_px = _marked(images)
    size_px = images[0].shape[0]
    fit = fit_landmarks(
        model.subset(model.landmarks(TEACHER_SET)),
        torch.from_numpy(points_px),
        torch.ones(points_px.shape[:2]),
        size_px,
        FitConfig(steps=150),
    )
    good = (fit.error_percent < _MAX_ERROR_PERCENT).nonzero()[:, 0].tolist()
    rows = [_sample(model, fit, row, marked[row]) for row in good]
    colour, weight, normals = (torch.stack(values).numpy() for values in zip(*rows, strict=True))
    return PortraitSamples(colour, weight, normals)


def _marked(images: Sequence[np.ndarray]) -> tuple[list[np.ndarray], Float[np.ndarray, "portraits 468 2"]]:
    detector, teacher = FaceDetector(FaceDetectorConfig(max_faces=1, threads=1)), FaceMeshTeacher()
    marked, points = [], []
    for image in images:
        faces = detector(image)[:1]
        if faces:
            marked.append(image)
            points.append(teacher(image, faces).points_px[0, :, :2])
    return marked, np.stack(points).astype(np.float32)


def _sample(model: FaceModel, fit: LandmarkFit, row: int, image: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    one = slice(row, row + 1)
    coefficients, camera = fit.coefficients[one], fit.camera
    camera = type(camera)(camera.scale_px_per_mm[one], camera.principal_px[one])
    verts = model.shape(coefficients.identity, coefficients.expression)
    verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
    verts_px = project(camera, verts_camera)
    normals = vertex_normals(verts_camera, model.faces, model.weld)[0]
    height, width = image.shape[:2]
    visible = vertex_visibility(verts_px, model.faces, (height, width))[0]
    facing = ((-normals[:, 2] - _MIN_FACING) / (1 - _MIN_FACING)).clamp(0, 1)
    photo = srgb_to_linear(torch.from_numpy(image).permute(2, 0, 1).float() / 255)
    return _bilinear(photo, verts_px[0, :, :2]), visible * facing, normals


def _bilinear(photo: Float[Tensor, "3 height width"], points_px: Float[Tensor, "points 2"]) -> Tensor:
    size = points_px.new_tensor((photo.shape[2], photo.shape[1]))
    grid = (2 * points_px / size - 1)[None, None]
    return torch.nn.functional.grid_sample(photo[None], grid, align_corners=False)[0, :, 0].T
