"""Synthetic heads: pictures from our own renderer, of which everything is known.

Faces are drawn from the model's own distribution, expressions as a few active blendshapes that often
come in left-right pairs, poses up to profile, light as a bright sky with one or two broad lamps,
backgrounds as blurred photos or colour gradients.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image, ImageFilter
from torch import Tensor

from monoface.core.errors import ConfigError
from monoface.core.progress import track_batches
from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX, Pack
from monoface.data.synthetic.canvas_landmarks import canvas_landmarks
from monoface.data.synthetic.framing import framed, weak_camera_of
from monoface.data.synthetic.head_expressions import PatternConfig, sample_expressions_of
from monoface.data.synthetic.skin_patches import sample_marks
from monoface.facemodel import CoefficientLayout, FaceCoefficients, FaceModel
from monoface.geometry.cameras import NOMINAL_DISTANCE_MM, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.render import Renderer
from monoface.render.renderer import Camera
from monoface.shading import sh_basis

_BATCH = 16
# The crop is drawn at twice its size and averaged, which smooths its edges.
_OVERSAMPLING = 2
_ALBEDO_RANGE = (0.004, 1.0)


@dataclass(frozen=True)
class HeadsConfig:
    """What synthetic heads look like.

    Attributes:
        count: How many to draw.
        max_yaw_deg: Yaw is uniform up to this, either way.
        pitch_deg: Standard deviation of pitch.
        roll_deg: Standard deviation of roll.
        active: Mean number of active expressions.
        patterns: How often heads have expressions that photos rarely show.
        marks: Strength of patches on the skin that are of no albedo mode, in the logarithm of its colour.
        focal_per_size: Range of focal lengths, in sides of the face's crop: from 60 cm away to far off.
        point_sets: Landmark sets whose points heads carry, hidden ones too.
        seed: Of everything random.
    """

    count: int = 6000
    max_yaw_deg: float = 92.0
    pitch_deg: float = 14.0
    roll_deg: float = 10.0
    active: float = 5.0
    patterns: PatternConfig = field(default_factory=PatternConfig)
    marks: float = 0.3
    focal_per_size: tuple[float, float] = (3.5, 21.0)
    point_sets: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        low, high = self.focal_per_size
        if not 1 <= low <= high or self.marks < 0:
            raise ConfigError(
                "heads: expected a range of focal lengths of at least 1 and marks of at least 0, got "
                f"{self.focal_per_size} and {self.marks}."
            )


def heads_pack(
    model: FaceModel, backgrounds: UInt8[np.ndarray, "photos side side 3"], config: HeadsConfig
) -> Pack:
    """Draw heads as training samples with known coefficients.

    Args:
        model: The face model to draw.
        backgrounds: Square photos that are blurred and put behind the heads; may be empty.
        config: What heads look like.
    """
    rng = np.random.default_rng((config.seed, 77))
    layout = CoefficientLayout.of(model)
    canvases, outputs = [], []
    points: dict[str, list[np.ndarray]] = {name: [] for name in config.point_sets}
    for start in track_batches(config.count, _BATCH, "rendering heads", "heads"):
        count = min(_BATCH, config.count - start)
        coefficients = sample_coefficients(model, count, rng, config)
        coefficients, camera = framed(
            model, coefficients, sample_focal(count, rng, config) * FACE_PX, FACE_PX
        )
        margin = torch.full((count, 2), (FACE_PX - CANVAS_PX) / 2)
        large = camera.cropped(margin, torch.ones(count))
        drawn = render_heads(
            model, coefficients, large, albedo=sample_albedo(model, coefficients, rng, config)
        )
        for picture, opacity in zip(drawn.picture, drawn.opacity, strict=True):
            canvases.append(before(sample_background(backgrounds, rng), picture, opacity))
        for name, found in canvas_landmarks(model, coefficients, large, config.point_sets).items():
            points[name].append(found)
        outputs.append(
            layout.encode(coefficients, weak_camera_of(model, coefficients, camera), FACE_PX).numpy()
        )
    points_px = {name: np.concatenate(found) for name, found in points.items() if found}
    return Pack("heads", np.stack(canvases), points_px, np.concatenate(outputs), synthetic=True)


def sample_coefficients(
    model: FaceModel, count: int, rng: np.random.Generator, config: HeadsConfig
) -> FaceCoefficients:
    """Random faces, poses and lights; the models' origins lie on the viewing axis."""

    def angle(degrees: np.ndarray) -> Tensor:
        return torch.from_numpy(np.deg2rad(degrees)).float()

    yaw = angle(rng.uniform(-config.max_yaw_deg, config.max_yaw_deg, count))
    pitch = angle(rng.normal(0, config.pitch_deg, count))
    roll = angle(rng.normal(0, config.roll_deg, count))
    translation = torch.zeros(count, 3)
    translation[:, 2] = NOMINAL_DISTANCE_MM
    identity = torch.from_numpy(rng.standard_normal((count, model.identity_size))).float()
    expression = sample_expressions_of(model, count, rng, config.active, config.patterns)
    return FaceCoefficients(
        identity=identity,
        expression=torch.from_numpy(expression),
        albedo=torch.from_numpy(rng.standard_normal((count, model.albedo_size))).float(),
        rotation=head_to_camera(head_matrix_from_angles(yaw, pitch, roll)),
        translation_mm=translation,
        light=torch.stack([sample_light(rng) for _ in range(count)]),
    )


def sample_focal(count: int, rng: np.random.Generator, config: HeadsConfig) -> Float[Tensor, " count"]:
    """Focal lengths in sides of the crop, evenly in their logarithm."""
    low, high = np.log(config.focal_per_size)
    return torch.from_numpy(np.exp(rng.uniform(low, high, count))).float()


def sample_albedo(
    model: FaceModel, coefficients: FaceCoefficients, rng: np.random.Generator, config: HeadsConfig
) -> Float[Tensor, "batch verts 3"]:
    """Albedo of the heads, each with marks of its own."""
    albedo = model.albedo(coefficients.albedo)
    if not config.marks:
        return albedo
    neutral = model.shape(coefficients.identity, torch.zeros_like(coefficients.expression))
    marks = torch.stack([sample_marks(model, verts, config.marks, rng) for verts in neutral])
    return (albedo * marks).clamp(*_ALBEDO_RANGE)


def sample_light(rng: np.random.Generator) -> Float[Tensor, "9 3"]:
    """Radiance of an even sky and one or two lamps, mostly from above, about white."""
    tint = torch.from_numpy(np.exp(rng.normal(0, 0.12, 3))).float()
    light = torch.zeros(9, 3)
    light[0] = rng.uniform(0.5, 1.6) / 0.282095
    for _ in range(rng.integers(1, 3)):
        # The camera looks along +z and y points down: lamps stand in front and above.
        direction = torch.tensor([rng.normal(0, 0.8), rng.normal(-0.4, 0.6), -abs(rng.normal(0.7, 0.5))])
        direction = direction / direction.norm().clamp_min(1e-3)
        lamp = sh_basis(direction.float()[None])[0]
        light += (
            rng.uniform(0.5, 3.5) * lamp[:, None] * torch.from_numpy(np.exp(rng.normal(0, 0.1, 3))).float()
        )
    return light * tint


@dataclass(frozen=True)
class SyntheticHeads:
    """Heads on square pictures, with nothing behind them.

    Attributes:
        picture: Colours in 0..255.
        opacity: Share of each pixel that the head covers.
        skin: Share of each pixel that shows the face's own surface.
        face_index: The triangle that is seen at about each pixel's centre; -1 where there is none.
    """

    picture: Float[np.ndarray, "heads side side 3"]
    opacity: Float[np.ndarray, "heads side side 1"]
    skin: Float[np.ndarray, "heads side side"]
    face_index: Int[np.ndarray, "heads side side"]


def render_heads(
    model: FaceModel,
    coefficients: FaceCoefficients,
    camera: Camera,
    size_px: int = CANVAS_PX,
    albedo: Float[Tensor, "batch verts 3"] | None = None,
) -> SyntheticHeads:
    """Draw lit heads, oversampled, with an albedo of their own or that of their coefficients."""
    albedo = model.albedo(coefficients.albedo) if albedo is None else albedo
    size = size_px * _OVERSAMPLING
    verts = model.shape(coefficients.identity, coefficients.expression)
    verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
    zoom = torch.full_like(camera.principal_px[:, 0], _OVERSAMPLING)
    large = camera.cropped(torch.zeros_like(camera.principal_px), zoom)
    renderer = Renderer(model.faces, (size, size), model.weld, shading="vertex")
    rendered = renderer.render(large, verts_camera, albedo, coefficients.light)
    pool = torch.nn.functional.avg_pool2d
    mask = pool(rendered.mask[:, None].float(), _OVERSAMPLING)
    colour = pool(rendered.image.clamp(0, 1) * rendered.mask[:, None], _OVERSAMPLING) / mask.clamp_min(1e-6)
    index = rendered.face_index
    skin = pool((skin_faces(model)[index.clamp_min(0)] & rendered.mask)[:, None].float(), _OVERSAMPLING)
    picture, opacity = ((255 * colour).permute(0, 2, 3, 1), mask.permute(0, 2, 3, 1))
    seen = index[:, ::_OVERSAMPLING, ::_OVERSAMPLING]
    return SyntheticHeads(picture.numpy(), opacity.numpy(), skin[:, 0].numpy(), seen.numpy())


def skin_faces(model: FaceModel, region: str = "face") -> Bool[Tensor, " faces"]:
    """Which triangles are the face's own surface: no eyes, no teeth, no inside of the mouth."""
    return model.data.regions[region][model.faces].all(dim=1)


def before(
    background: Float[np.ndarray, "side side 3"],
    picture: Float[np.ndarray, "side side 3"],
    opacity: Float[np.ndarray, "side side 1"],
) -> UInt8[np.ndarray, "side side 3"]:
    """A picture before a background, all in 0..255."""
    mixed: np.ndarray = opacity * picture + (1 - opacity) * background
    return mixed.round().clip(0, 255).astype(np.uint8)


def sample_background(
    photos: np.ndarray, rng: np.random.Generator, size_px: int = CANVAS_PX
) -> Float[np.ndarray, "side side 3"]:
    """A blurred photo, or patches of colour that run into each other; 0 to 255."""
    if len(photos) and rng.random() < 0.6:
        photo = Image.fromarray(photos[rng.integers(len(photos))])
        blurred = photo.resize((size_px, size_px)).filter(
            ImageFilter.GaussianBlur(rng.uniform(4, 12) * size_px / CANVAS_PX)
        )
        turned = blurred.rotate(90 * int(rng.integers(4)))
        return np.asarray(turned, dtype=np.float32)
    cells = int(rng.integers(2, 24))
    coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((size_px, size_px), Image.Resampling.BICUBIC), dtype=np.float32)
    mean = rng.uniform(0, 255, 3)
    contrast = rng.uniform(0.0, 0.8) if rng.random() < 0.8 else math.sqrt(rng.random())
    return np.asarray(mean + contrast * (smooth - 128), dtype=np.float32)
