"""Heads with known wrinkles and known painted marks: pictures whose relief is known to the micrometre.

The relief is real geometry: a mesh of a vertex a texel, displaced and drawn like any other, so that what a
network is asked for does not come from the formulas that it is trained with.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from monoface.data.packs.photo_pack import CANVAS_PX
from monoface.data.synthetic.framing import framing_camera
from monoface.data.synthetic.heads import HeadsConfig, sample_background, sample_coefficients
from monoface.data.synthetic.wrinkle_maps import DetailPainter, FaceDetail, WrinkleConfig
from monoface.facemodel import FaceCoefficients, FaceModel
from monoface.facemodel.parts import skin_triangles
from monoface.geometry.cameras import WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import matrix_from_axis_angle
from monoface.geometry.triangles import vertex_normals
from monoface.render import DenseMesh, Renderer, TextureLayout
from monoface.shading import sh_basis, sh_irradiance

_STREAM = 5099
_OVERSAMPLING = 2
_DARKEST = 0.12


@dataclass(frozen=True)
class WrinkledHeadsConfig:
    """What the heads look like.

    Attributes:
        wrinkles: Relief and paint.
        picture_px: Side of the pictures, in which the face's crop takes three quarters.
        texture_px: Vertices of the drawn mesh along the texture's side.
        lights: Pictures of each head, each under a light of its own, all else the same. The second light is
            the first one moved; the others are new.
        moved_deg: Least and most that the lamps of the second light are turned about the head.
        noise: Standard deviation of the pictures' noise, at most, in steps of 8 bits.
        max_yaw_deg: Yaw is uniform up to this, either way.
        seed: Of everything random.
    """

    wrinkles: WrinkleConfig = field(default_factory=WrinkleConfig)
    picture_px: int = 384
    texture_px: int = 384
    lights: int = 2
    moved_deg: tuple[float, float] = (15.0, 60.0)
    noise: float = 2.5
    max_yaw_deg: float = 35.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class WrinkledHead:
    """One head under several lights.

    Attributes:
        pictures: sRGB, one a light.
        coefficients: Rows are the same but for the light.
        camera: One a row.
        verts_camera: Vertices of the coarse mesh.
        detail: Relief and paint in the texture.
    """

    pictures: UInt8[np.ndarray, "lights side side 3"]
    coefficients: FaceCoefficients
    camera: WeakPerspectiveCamera
    verts_camera: Float[Tensor, "lights verts 3"]
    detail: FaceDetail


class WrinkledHeadPainter:
    """Draws heads of a face model; the same index and configuration give the same head."""

    def __init__(self, model: FaceModel, config: WrinkledHeadsConfig) -> None:
        self.model = model
        self.config = config
        self.layout = TextureLayout.from_mesh(model.faces, model.uv, config.texture_px)
        self.painter = DetailPainter(model, self.layout)
        skin = skin_triangles(model.data)
        self._others = model.faces[~skin]
        dense = DenseMesh.from_layout(self.layout, model.uv)
        of_skin = skin[self.layout.face_index.long().flatten()[dense.texels]]
        self._dense = replace(dense, faces=dense.faces[of_skin[dense.faces].all(dim=1)])

    @torch.no_grad()
    def sample(self, index: int) -> WrinkledHead:
        """One head."""
        config = self.config
        rng = np.random.default_rng((config.seed, _STREAM, index))
        plain = HeadsConfig(max_yaw_deg=config.max_yaw_deg, pitch_deg=8.0, roll_deg=6.0, active=3.0)
        one = sample_coefficients(self.model, 1, rng, plain)
        lights = torch.stack([lamps.harmonics() for lamps in self._lamps(rng)])
        coefficients = FaceCoefficients(
            **{name: value.expand(config.lights, *value.shape[1:]) for name, value in vars(one).items()}
        )
        coefficients = replace(coefficients, light=lights)
        detail = self.painter.sample(rng, config.wrinkles)
        zoom = torch.full((config.lights,), config.picture_px / CANVAS_PX)
        camera = framing_camera(self.model, coefficients).cropped(torch.zeros(config.lights, 2), zoom)
        verts = self.model.shape(coefficients.identity, coefficients.expression)
        verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, verts)
        pictures = self._render(camera, verts_camera, coefficients, detail, rng)
        return WrinkledHead(pictures, coefficients, camera, verts_camera, detail)

    def _lamps(self, rng: np.random.Generator) -> list["Lamps"]:
        first = sample_lamps(rng)
        moved = first.moved(np.deg2rad(rng.uniform(*self.config.moved_deg)), rng)
        others = [sample_lamps(rng) for _ in range(self.config.lights - 2)]
        return [first, moved, *others][: self.config.lights]

    def _render(
        self,
        camera: WeakPerspectiveCamera,
        verts_camera: Tensor,
        coefficients: FaceCoefficients,
        detail: FaceDetail,
        rng: np.random.Generator,
    ) -> UInt8[np.ndarray, "lights side side 3"]:
        size = self.config.picture_px * _OVERSAMPLING
        verts, albedo = self._displaced(verts_camera[:1], coefficients.albedo[:1], detail)
        faces = torch.cat((self._dense.faces, self._others + len(self._dense.texels)))
        large = camera.cropped(
            torch.zeros_like(camera.principal_px), torch.full_like(camera.scale_px_per_mm, 2.0)
        )
        first = WeakPerspectiveCamera(large.scale_px_per_mm[:1], large.principal_px[:1])
        seen = Renderer(faces, (size, size)).render(first, verts, albedo)
        normals = seen.normals.flatten(1, 2)
        background = _background(self.config.picture_px, rng)
        opacity = _halved(seen.mask[:, None].float())
        pictures = []
        for light in coefficients.light:
            everywhere = sh_irradiance(normals, light[None, :1])
            irradiance = torch.maximum(sh_irradiance(normals, light[None]), _DARKEST * everywhere) / torch.pi
            radiance = seen.radiance * irradiance.unflatten(1, (size, size)).movedim(-1, 1)
            exposed = radiance * (0.35 / radiance[seen.mask[:, None].expand_as(radiance)].mean()).clamp(
                0.5, 2.0
            )
            lit = _halved(replace(seen, radiance=exposed).image.clamp(0, 1)) + (1 - opacity) * background
            grain = rng.normal(0, rng.uniform(0.3, self.config.noise), lit.shape)
            pictures.append((255 * lit[0].numpy() + grain[0]).round().clip(0, 255).astype(np.uint8))
        return np.stack(pictures).transpose(0, 2, 3, 1)

    def _displaced(self, verts: Tensor, albedo: Tensor, detail: FaceDetail) -> tuple[Tensor, Tensor]:
        """Vertices and albedo of the fine skin, then those of the coarse mesh."""
        maps = np.concatenate((detail.height_mm[..., None], detail.paint + detail.cavity[..., None]), axis=-1)
        fine = self._dense.from_texture(torch.from_numpy(maps).float().movedim(-1, 0)[None])
        normals = vertex_normals(verts, self.model.faces, self.model.weld)
        along = torch.nn.functional.normalize(self._dense.from_vertices(normals), dim=-1)
        points = self._dense.from_vertices(verts) + fine[..., :1] * along
        coarse = self.model.albedo(albedo)
        colours = (self._dense.from_vertices(coarse) * fine[..., 1:].exp()).clamp(0.005, 1)
        return torch.cat((points, verts), dim=1), torch.cat((colours, coarse), dim=1)


@dataclass(frozen=True, eq=False)
class Lamps:
    """A sky that is the same everywhere, and distant lamps.

    Attributes:
        sky: Radiance, linear RGB.
        directions: Unit vectors towards the lamps, in the camera frame.
        strengths: Of the lamps, linear RGB.
    """

    sky: Float[Tensor, " 3"]
    directions: Float[Tensor, "lamps 3"]
    strengths: Float[Tensor, "lamps 3"]

    def harmonics(self) -> Float[Tensor, "9 3"]:
        """Radiance in spherical harmonics."""
        light = sh_basis(self.directions).T @ self.strengths
        light[0] += self.sky / 0.282095
        return light

    def moved(self, angle_rad: float, rng: np.random.Generator) -> "Lamps":
        """The same lamps turned about the head, the first of them by just that angle; none goes behind it."""
        across = np.cross(self.directions[0].numpy(), rng.normal(size=3))
        vector = torch.from_numpy(across * angle_rad / np.linalg.norm(across)).float()
        turned = self.directions @ matrix_from_axis_angle(vector[None])[0].T
        # z points away from the camera.
        in_front = torch.cat((turned[:, :2], -turned[:, 2:].abs()), dim=1)
        return replace(self, directions=in_front)


def sample_lamps(rng: np.random.Generator) -> Lamps:
    """A sky and one or two lamps in front, more from aside than `data.synthetic` has them.

    Relief shows by light that comes from somewhere.
    """
    tint = np.exp(rng.normal(0, 0.1, 3))
    sky = rng.uniform(0.3, 1.2) * tint
    strengths, directions = [], []
    for strength in (rng.uniform(1.5, 4.5), rng.uniform(0, 1.5)):
        direction = np.array((rng.normal(0, 0.9), rng.normal(-0.5, 0.6), -rng.uniform(0.2, 1.0)))
        directions.append(direction / np.linalg.norm(direction))
        strengths.append(strength * tint * np.exp(rng.normal(0, 0.08, 3)))
    return Lamps(*(torch.from_numpy(np.asarray(values)).float() for values in (sky, directions, strengths)))


def _halved(image: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(image, _OVERSAMPLING)


def _background(side: int, rng: np.random.Generator) -> Float[Tensor, "1 3 side side"]:
    canvas = sample_background(np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8), rng).clip(0, 255) / 255
    image = torch.from_numpy(canvas).float().movedim(-1, 0)[None]
    return torch.nn.functional.interpolate(image, size=(side, side), mode="bilinear")
