"""Synthetic heads in several cameras, under one light: views of which everything is known."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.core.progress import track
from monoface.data.packs.photo_pack import Pack
from monoface.data.packs.view_pack import MATCHED, SINGLE, VIEW_CANVAS_PX, VIEW_FACE_PX, VIEWS, ViewPack
from monoface.data.synthetic.framing import framed
from monoface.data.synthetic.head_expressions import sample_expressions_of
from monoface.data.synthetic.heads import (
    HeadsConfig,
    before,
    render_heads,
    sample_albedo,
    sample_background,
    sample_coefficients,
    sample_focal,
    sample_light,
)
from monoface.data.synthetic.known_landmarks import known_landmarks
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel
from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera
from monoface.geometry.rotations import head_matrix_from_angles
from monoface.shading import rotate_radiance


@dataclass(frozen=True)
class HeadViewsConfig:
    """What heads in several cameras look like.

    Attributes:
        heads: Heads, each a sample of three views; expressions and poses are as of single ones, the yaw that
            of the view in the middle.
        gap_deg: Range of the yaw between neighbouring views.
        tilt_deg: Standard deviation of how much pitch and roll differ between views.
        changing: Share of the heads whose expression and light differ between views, as in photos of other
            days. Their gate is 0.
    """

    heads: HeadsConfig = field(
        default_factory=lambda: HeadsConfig(count=1200, max_yaw_deg=60.0, pitch_deg=12.0, roll_deg=8.0)
    )
    gap_deg: tuple[float, float] = (10.0, 45.0)
    tilt_deg: float = 5.0
    changing: float = 0.25

    def __post_init__(self) -> None:
        low, high = self.gap_deg
        if not 0 <= low <= high <= 90 or not 0 <= self.changing <= 1:
            raise ConfigError(
                "views of heads: expected a range of gaps in 0 to 90 and changing in 0 to 1, got "
                f"{self.gap_deg} and {self.changing}."
            )


def head_views(
    model: FaceModel, backgrounds: UInt8[np.ndarray, "photos side side 3"], config: HeadViewsConfig
) -> ViewPack:
    """Draw heads as samples of three views with known coefficients, albedo, light, landmarks and skin.

    Args:
        model: The face model to draw.
        backgrounds: Square photos that are blurred and put behind the heads; may be empty.
        config: What heads look like.
    """
    rng = np.random.default_rng((config.heads.seed, 78))
    count = config.heads.count
    side = (VIEW_CANVAS_PX, VIEW_CANVAS_PX)
    canvases, skin = np.empty((VIEWS * count, *side, 3), np.uint8), np.empty((VIEWS * count, *side), np.uint8)
    drawn, cameras, gates = [], [], np.empty(count, np.int64)
    for head in track(range(count), "rendering views of heads", "heads"):
        coefficients, gates[head] = render_views(model, config, rng)
        focal_px = sample_focal(1, rng, config.heads).expand(VIEWS) * VIEW_FACE_PX
        placed, camera = framed(model, coefficients, focal_px, VIEW_FACE_PX)
        albedo = sample_albedo(model, coefficients[:1], rng, config.heads).expand(VIEWS, -1, -1)
        margin = torch.full((VIEWS, 2), (VIEW_FACE_PX - VIEW_CANVAS_PX) / 2)
        heads = render_heads(model, placed, camera.cropped(margin, torch.ones(VIEWS)), VIEW_CANVAS_PX, albedo)
        for view in range(VIEWS):
            behind = sample_background(backgrounds, rng, VIEW_CANVAS_PX)
            canvases[VIEWS * head + view] = before(behind, heads.picture[view], heads.opacity[view])
        skin[VIEWS * head : VIEWS * (head + 1)] = (255 * heads.skin).round()
        drawn.append(placed)
        cameras.append(camera)
    coefficients, camera = _joined(drawn, cameras)
    frames = Pack(
        "heads", canvases, known_landmarks(model, coefficients, camera), _outputs(model, coefficients, camera)
    )
    frames = replace(frames, face_px=VIEW_FACE_PX, synthetic=True)
    views = np.arange(VIEWS * count, dtype=np.int64).reshape(count, VIEWS)
    focal_per_size = (camera.focal_px / VIEW_FACE_PX).numpy()
    appearance = coefficients.albedo.numpy(), coefficients.light.numpy()
    return ViewPack(frames, skin, *appearance, focal_per_size, views, gates)


def render_views(
    model: FaceModel, config: HeadViewsConfig, rng: np.random.Generator
) -> tuple[FaceCoefficients, int]:
    """One head as three cameras see it, in the order of yaw, and what may be compared between them."""
    one = sample_coefficients(model, 1, rng, config.heads)
    three = FaceCoefficients(
        **{name: value.repeat(VIEWS, *[1] * (value.ndim - 1)) for name, value in vars(one).items()}
    )
    gaps = rng.uniform(*config.gap_deg, 2)
    yaw = np.array((-gaps[0], 0.0, gaps[1]))
    tilt = rng.normal(0, config.tilt_deg, (2, VIEWS)) * (1, 0, 1)
    around = head_matrix_from_angles(*(torch.from_numpy(np.deg2rad(angle)).float() for angle in (yaw, *tilt)))
    turned = replace(three, rotation=one.rotation @ around)
    if rng.random() < config.changing:
        heads = config.heads
        drawn = sample_expressions_of(model, VIEWS, rng, heads.active, heads.patterns)
        expression = torch.from_numpy(drawn)
        light = torch.stack([sample_light(rng) for _ in range(VIEWS)])
        return replace(turned, expression=expression, light=light), SINGLE
    # The light stands still in the head's frame, so that every point looks alike in all cameras.
    light = rotate_radiance(three.light, turned.rotation @ one.rotation.mT)
    return replace(turned, light=light), MATCHED


def _outputs(
    model: FaceModel, coefficients: FaceCoefficients, camera: PerspectiveCamera
) -> Float[np.ndarray, "frames outputs"]:
    """Output vectors; the scale is that at the depth of the model's origin."""
    scale = camera.focal_px / coefficients.translation_mm[:, 2]
    weak = WeakPerspectiveCamera(scale, camera.principal_px)
    return CoefficientLayout.of(model).encode(coefficients, weak, VIEW_FACE_PX).numpy()


def _joined(
    drawn: list[FaceCoefficients], cameras: list[PerspectiveCamera]
) -> tuple[FaceCoefficients, PerspectiveCamera]:
    def join(parts: list[Tensor]) -> Tensor:
        return torch.cat(parts)

    coefficients = FaceCoefficients(
        **{name: join([getattr(one, name) for one in drawn]) for name in vars(drawn[0])}
    )
    return coefficients, PerspectiveCamera(
        join([camera.focal_px for camera in cameras]), join([camera.principal_px for camera in cameras])
    )
