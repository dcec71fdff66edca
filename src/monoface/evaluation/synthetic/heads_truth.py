"""The heads of our own benchmark: drawn with a fixed seed from a face model, so that all of them is known."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, UInt8
from PIL import Image
from torch import Tensor

from monoface.data.packs.photo_pack import CANVAS_PX, FACE_PX
from monoface.data.synthetic.framing import framing_camera
from monoface.data.synthetic.heads import HeadsConfig, sample_background, sample_coefficients
from monoface.facemodel import FaceCoefficients, FaceModel, FaceModelData, LandmarkSet
from monoface.geometry.cameras import AnyCamera, WeakPerspectiveCamera, transform_points
from monoface.geometry.surface import Surface
from monoface.geometry.triangles import vertex_normals
from monoface.render import Renderer
from monoface.render.renderer import Camera

PICTURE_PX = 288
LANDMARK_SET = "ibug68"

_ZOOM = PICTURE_PX / CANVAS_PX
# Apart from what training draws, whose generators begin with the seed and 77.
_STREAM = 4201
_PERSON_STREAM = 4202
_OVERSAMPLING = 2
_BUMPS = 80
_BUMP_MM = (4.0, 12.0)

# What would hide the eyes of the source's head: shells that need a transparent material.
_NOT_DRAWN = ("eye_blend", "eye_occlusion", "lashes", "lacrimal")


@dataclass(frozen=True, eq=False)
class Correspondence:
    """For each vertex of one mesh a point of another one: a mean of the corners of a triangle."""

    corners: Int64[np.ndarray, "verts 3"]
    weights: Float64[np.ndarray, "verts 3"]

    @classmethod
    def identity(cls, count: int) -> "Correspondence":
        """Of a mesh with itself."""
        corners = np.repeat(np.arange(count)[:, None], 3, axis=1)
        return cls(corners, np.tile([1.0, 0.0, 0.0], (count, 1)))

    @classmethod
    def between(cls, source: FaceModel, target: FaceModel) -> "Correspondence":
        """From the vertices of one model to the closest points of another one of the same mean face."""
        surface = Surface(target.mean_mm.numpy(), target.faces.numpy(), "face model")
        found = surface.closest(source.mean_mm.numpy())
        corners = surface.faces[found.face]
        return cls(corners, barycentric(surface.verts[corners], found.points))

    def of(self, values: Float[np.ndarray, "others 3"]) -> Float64[np.ndarray, "verts 3"]:
        """Values at the vertices of the other mesh, such as positions, taken to this one."""
        return (self.weights[..., None] * values[self.corners].astype(np.float64)).sum(axis=1)


@dataclass(frozen=True, eq=False)
class TrueHead:
    """A picture of a head, and all that is known of it.

    Attributes:
        key: Its name.
        picture: sRGB.
        box: Square around the face: left, top, right, bottom edges in pixels.
        coefficients: A batch of one.
        camera: Of the picture; a batch of one.
        verts_mm: Vertices in the model frame.
        neutral_mm: The same without expression.
        albedo: Of the vertices, linear RGB.
        depth_mm: Distance of the face along the viewing axis; 0 where none of it is seen.
        landmarks_px: The 68 points.
    """

    key: str
    picture: UInt8[np.ndarray, "side side 3"]
    box: Float64[np.ndarray, " 4"]
    coefficients: FaceCoefficients
    camera: WeakPerspectiveCamera
    verts_mm: Float64[np.ndarray, "verts 3"]
    neutral_mm: Float64[np.ndarray, "verts 3"]
    albedo: Float64[np.ndarray, "verts 3"]
    depth_mm: Float[np.ndarray, "side side"]
    landmarks_px: Float64[np.ndarray, "68 2"]


class HeadPainter:
    """Draws heads of a face model.

    Args:
        model: Whose identities, expressions and albedo are drawn.
        detail_mm: Height of bumps along the surface's normals, a standard deviation; they are of no model.
    """

    def __init__(self, model: FaceModel, detail_mm: float = 0.0) -> None:
        self.model = model
        self.detail_mm = detail_mm
        self._points = model.landmarks(LANDMARK_SET)
        self._triangles = model.faces[_drawn(model)]
        self._of_face = model.data.regions["face"][self._triangles].all(dim=1)

    @torch.no_grad()
    def sample(self, index: int, config: HeadsConfig, person: int | None = None) -> TrueHead:
        """One head; the same index and configuration give the same head, whatever was drawn before.

        Args:
            index: Number of the picture.
            config: Yaw, expressions and the seed.
            person: Heads of one such number share identity, albedo and bumps. By default each has its own.
        """
        rng = np.random.default_rng((config.seed, _STREAM, index))
        coefficients = sample_coefficients(self.model, 1, rng, config)
        shape_rng = rng
        if person is not None:
            shape_rng = np.random.default_rng((config.seed, _PERSON_STREAM, person))
            drawn = sample_coefficients(self.model, 1, shape_rng, config)
            coefficients = replace(coefficients, identity=drawn.identity, albedo=drawn.albedo)
        neutral = self.model.shape(coefficients.identity, torch.zeros_like(coefficients.expression))
        posed = self.model.shape(coefficients.identity, coefficients.expression)
        bumps = self.bumps(neutral[0], shape_rng)
        neutral, posed = neutral + bumps, posed + bumps
        camera = framing_camera(self.model, coefficients).cropped(torch.zeros(1, 2), torch.full((1,), _ZOOM))
        verts_camera = transform_points(coefficients.rotation, coefficients.translation_mm, posed)
        albedo = self.model.albedo(coefficients.albedo)
        picture, depth_mm = self.paint(camera, verts_camera, albedo, coefficients.light, rng)
        margin = _ZOOM * (CANVAS_PX - FACE_PX) / 2
        return TrueHead(
            key=f"head{index:04d}",
            picture=picture,
            box=np.array([margin, margin, PICTURE_PX - margin, PICTURE_PX - margin]),
            coefficients=coefficients,
            camera=camera,
            verts_mm=posed[0].double().numpy(),
            neutral_mm=neutral[0].double().numpy(),
            albedo=albedo[0].double().numpy(),
            depth_mm=depth_mm,
            landmarks_px=camera.project(self._points.points(verts_camera))[0][0].double().numpy(),
        )

    def bumps(
        self, neutral: Float[Tensor, "verts 3"], rng: np.random.Generator
    ) -> Float[Tensor, "1 verts 3"]:
        """Offsets along the normals: a sum of round bumps and hollows of different widths on the face."""
        if not self.detail_mm:
            return torch.zeros_like(neutral)[None]
        narrow = self.model.data.regions["narrow_face"].nonzero()[:, 0].numpy()
        centres = neutral[torch.from_numpy(rng.choice(narrow, _BUMPS))]
        widths = torch.from_numpy(rng.uniform(*_BUMP_MM, _BUMPS)).float()
        heights = torch.from_numpy(rng.normal(0, self.detail_mm, _BUMPS)).float()
        squared = torch.cdist(neutral, centres).square()
        height = (heights * torch.exp(-squared / (2 * widths.square()))).sum(dim=1)
        normals = vertex_normals(neutral[None], self.model.faces, self.model.weld)
        return height[None, :, None] * normals

    def paint(
        self,
        camera: Camera,
        verts_camera: Float[Tensor, "1 verts 3"],
        albedo: Float[Tensor, "1 verts 3"],
        light: Float[Tensor, "1 9 3"] | None,
        rng: np.random.Generator,
    ) -> tuple[UInt8[np.ndarray, "side side 3"], Float[np.ndarray, "side side"]]:
        """A picture before a background, and the face's depth; without a light the albedo is what is seen."""
        size = PICTURE_PX * _OVERSAMPLING
        large = camera.cropped(torch.zeros(1, 2), torch.full((1,), float(_OVERSAMPLING)))
        renderer = Renderer(self._triangles, (size, size), self.model.weld)
        drawn = renderer.render(large, verts_camera, albedo, light)
        mask = drawn.mask[:, None].float()
        pool = torch.nn.functional.avg_pool2d
        opacity = pool(mask, _OVERSAMPLING)
        colour = pool(drawn.image.clamp(0, 1) * mask, _OVERSAMPLING)[0].permute(1, 2, 0).numpy()
        patches = sample_background(np.zeros((0, CANVAS_PX, CANVAS_PX, 3), np.uint8), rng).clip(0, 255)
        background = np.asarray(
            Image.fromarray(patches.astype(np.uint8)).resize((PICTURE_PX, PICTURE_PX)), dtype=np.float32
        )
        behind = 1 - opacity[0].permute(1, 2, 0).numpy()
        picture = (255 * colour + behind * background).round().clip(0, 255).astype(np.uint8)
        plain = Renderer(self._triangles, (PICTURE_PX, PICTURE_PX), self.model.weld)
        shown = plain.render(camera, verts_camera, albedo)
        on_face = self._of_face[shown.face_index[0].clamp_min(0)] & shown.mask[0]
        return picture, torch.where(on_face, shown.depth[0], 0.0).numpy()


def depth_map(
    model: FaceModel, camera: AnyCamera, verts_camera: Float[Tensor, "1 verts 3"]
) -> Float[np.ndarray, "side side"]:
    """Depth of a mesh in a picture of the benchmark's size; 0 where there is no surface."""
    renderer = Renderer(model.faces[_drawn(model)], (PICTURE_PX, PICTURE_PX), model.weld)
    return renderer.render(camera, verts_camera, torch.zeros_like(verts_camera)).depth[0].numpy()


def source_model(data: FaceModelData, default: FaceModel) -> tuple[FaceModel, Correspondence]:
    """The user's full source model, with the default model's albedo and landmarks.

    Args:
        data: As its reader gives it: more vertices and modes than the default model, and no albedo.
        default: The default model, which was made from that source: both have one mean face.

    Returns:
        The model, and the points of the default model that its vertices are.
    """
    plain = FaceModel(data)
    to_default = Correspondence.between(plain, default)
    basis = np.stack([to_default.of(mode) for mode in default.albedo_basis.numpy()])
    points = default.landmarks(LANDMARK_SET).points(default.mean_mm[None])[0]
    surface = Surface(data.mean_mm.numpy(), data.faces[_drawn(plain)].numpy(), "source model")
    found = surface.closest(points.numpy())
    corners = surface.faces[found.face]
    weights = barycentric(surface.verts[corners], found.points)
    landmarks = LandmarkSet(torch.from_numpy(corners), torch.from_numpy(weights).float())
    complete = replace(
        data,
        albedo_mean=torch.from_numpy(to_default.of(default.albedo_mean.numpy())).float(),
        albedo_basis=torch.from_numpy(basis).float(),
        landmarks={**data.landmarks, LANDMARK_SET: landmarks},
    )
    return FaceModel(complete), to_default


def barycentric(
    corners: Float64[np.ndarray, "points 3 3"], points: Float64[np.ndarray, "points 3"]
) -> Float64[np.ndarray, "points 3"]:
    """Weights of the corners of triangles that give points on them."""
    along, across, to_point = (
        corners[:, 1] - corners[:, 0],
        corners[:, 2] - corners[:, 0],
        points - corners[:, 0],
    )
    normal = np.cross(along, across)
    squared = (normal**2).sum(axis=1)
    third = (np.cross(along, to_point) * normal).sum(axis=1) / squared
    second = (np.cross(to_point, across) * normal).sum(axis=1) / squared
    return np.stack((1 - second - third, second, third), axis=1)


def _drawn(model: FaceModel) -> Bool[Tensor, " faces"]:
    hidden = [index for index, name in enumerate(model.data.part_names) if name in _NOT_DRAWN]
    return ~torch.isin(model.data.face_part, torch.tensor(hidden, dtype=model.data.face_part.dtype))
