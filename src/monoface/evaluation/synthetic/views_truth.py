"""Heads of the benchmark of views: each seen by several cameras, unlike those of training.

Cameras are nearer than most of those that training draws (`HeadsConfig.focal_per_size`), and light is that of
lamps with sharp borders between lit and unlit sides, which spherical harmonics of degree 2 cannot express.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8
from torch import Tensor

from monoface.data.synthetic.framing import framed
from monoface.data.synthetic.heads import HeadsConfig, sample_coefficients
from monoface.evaluation.synthetic.heads_truth import LANDMARK_SET, PICTURE_PX, HeadPainter
from monoface.facemodel import FaceCoefficients
from monoface.geometry.cameras import transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.geometry.triangles import vertex_normals

# Apart from the heads of the other benchmark, and from what training draws.
_STREAM = 4202
_FACE_PX = 216
_YAWS_DEG = (-40.0, 0.0, 40.0)
_JITTER_DEG = 6.0
_RANDOM_YAW_DEG = 75.0
_PITCH_DEG, _ROLL_DEG = 9.0, 7.0
# In sides of the face's crop: half a metre to two metres away. Training has 3.5 to 21.
_FOCAL_PER_SIZE = (2.9, 11.6)


@dataclass(frozen=True, eq=False)
class HeadView:
    """A head as one camera sees it.

    Attributes:
        key: Name of the head and the view.
        picture: sRGB.
        box: Square around the face: left, top, right, bottom edges in pixels.
        rotation: From the model frame to the camera frame.
        yaw_deg: Turn of the head.
        landmarks_px: The 68 points.
    """

    key: str
    picture: UInt8[np.ndarray, "side side 3"]
    box: Float64[np.ndarray, " 4"]
    rotation: Float[Tensor, "3 3"]
    yaw_deg: float
    landmarks_px: Float64[np.ndarray, "68 2"]


@dataclass(frozen=True, eq=False)
class HeadInViews:
    """A head and its views.

    Attributes:
        key: Its name.
        neutral_mm: Vertices without expression in the model frame.
        views: What the cameras see.
    """

    key: str
    neutral_mm: Float64[np.ndarray, "verts 3"]
    views: list[HeadView]


@torch.no_grad()
def render_head_in_views(painter: HeadPainter, index: int, views: int, seed: int) -> HeadInViews:
    """One head under one light; the same arguments give the same, whatever was drawn before.

    Args:
        painter: Draws the heads of a face model, with detail that is of no model if it is asked to.
        index: Of the head.
        views: Cameras: about 40 degrees to either side and the front, then any yaw up to 75 degrees.
        seed: Of everything random.
    """
    rng = np.random.default_rng((seed, _STREAM, index))
    model = painter.model
    one = sample_coefficients(model, 1, rng, HeadsConfig(max_yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0))
    neutral = model.shape(one.identity, torch.zeros_like(one.expression))
    posed = model.shape(one.identity, one.expression)
    bumps = painter.bumps(neutral[0], rng)
    neutral, posed = neutral + bumps, posed + bumps
    normals = vertex_normals(posed, model.faces, model.weld)
    colour = model.albedo(one.albedo) * _irradiance(normals, rng)
    seen = []
    for view in range(views):
        yaw_deg = (
            _YAWS_DEG[view] + rng.uniform(-1, 1) * _JITTER_DEG
            if view < len(_YAWS_DEG)
            else (rng.uniform(-_RANDOM_YAW_DEG, _RANDOM_YAW_DEG))
        )
        turned = _turned(one, yaw_deg, rng)
        focal_px = float(np.exp(rng.uniform(*np.log(_FOCAL_PER_SIZE)))) * _FACE_PX
        seen.append(_paint(painter, f"head{index:04d}/{view}", turned, posed, colour, focal_px, yaw_deg, rng))
    return HeadInViews(f"head{index:04d}", neutral[0].double().numpy(), seen)


def _turned(one: FaceCoefficients, yaw_deg: float, rng: np.random.Generator) -> FaceCoefficients:
    angles = np.deg2rad((yaw_deg, rng.normal(0, _PITCH_DEG), rng.normal(0, _ROLL_DEG)))
    head = head_matrix_from_angles(*(torch.tensor([angle]).float() for angle in angles))
    return replace(one, rotation=head_to_camera(head))


def _irradiance(normals: Float[Tensor, "1 verts 3"], rng: np.random.Generator) -> Float[Tensor, "1 verts 3"]:
    """Of an even sky and one to three lamps, over pi, in the head's frame."""
    light = torch.full_like(normals, rng.uniform(0.1, 0.5))
    for _ in range(rng.integers(1, 4)):
        # The head looks along +z; lamps may stand at its sides, above and below.
        towards = torch.from_numpy(rng.normal((0, 0.2, 0.6), (1.0, 0.7, 0.5))).float()
        towards = towards / towards.norm().clamp_min(1e-3)
        tint = torch.from_numpy(np.exp(rng.normal(0, 0.2, 3))).float()
        light = light + rng.uniform(0.3, 1.2) * tint * (normals @ towards).clamp_min(0)[..., None]
    return light * rng.uniform(0.7, 1.3) / light.mean()


def _paint(
    painter: HeadPainter,
    key: str,
    coefficients: FaceCoefficients,
    posed: Float[Tensor, "1 verts 3"],
    colour: Float[Tensor, "1 verts 3"],
    focal_px: float,
    yaw_deg: float,
    rng: np.random.Generator,
) -> HeadView:
    model = painter.model
    placed, camera = framed(model, coefficients, torch.tensor([focal_px]), _FACE_PX)
    margin = (PICTURE_PX - _FACE_PX) / 2
    camera = camera.cropped(torch.full((1, 2), -margin), torch.ones(1))
    verts_camera = transform_points(placed.rotation, placed.translation_mm, posed)
    picture, _ = painter.paint(camera, verts_camera, colour, None, rng)
    points = model.landmarks(LANDMARK_SET).points(verts_camera)
    return HeadView(
        key=key,
        picture=picture,
        box=np.array([margin, margin, PICTURE_PX - margin, PICTURE_PX - margin]),
        rotation=placed.rotation[0],
        yaw_deg=yaw_deg,
        landmarks_px=camera.project(points)[0][0].double().numpy(),
    )
