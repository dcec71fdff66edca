"""A head scan with the relief of its normal map: pictures of it, and the true normals on its surface."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, UInt8
from torch import Tensor

from monoface.core.errors import DataError
from monoface.data.sources.archive import decode_rgb
from monoface.evaluation.scans.scan_data import HeadScan
from monoface.geometry.cameras import PerspectiveCamera, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.geometry.tangents import orthonormal_tangents, texture_tangents
from monoface.raster import texture
from monoface.render import TextureLayout, composite, project
from monoface.render.texture_surface import TextureSurface
from monoface.shading import linear_to_srgb

NORMAL_FILES: Final = ("normal.jpg", "normal.png")
PICTURE_PX: Final = 1152
# A picture shows so much of the plane through the face's middle: a pixel is a quarter of a millimetre.
WIDE_MM: Final = 290.0
DISTANCE_MM: Final = 1000.0
SURFACE_PX: Final = 2048
"""Side of the scan's texture space in which normals are compared."""

_OVERSAMPLING = 2
_BACKGROUND = 0.4
# Depth by which a texel may lie behind what is seen in its pixel.
_HIDDEN_MM = 2.0


@dataclass(frozen=True)
class Lamp:
    """One lamp in a room.

    Attributes:
        name: In reports.
        toward: Where it stands in the camera frame: x right, y down, z away.
        strength: Light that falls on skin which faces it; the room's own light is what is left to 1.1.
    """

    name: str
    toward: tuple[float, float, float]
    strength: float

    def light(self, normals: Float[Tensor, "*pixels 3"]) -> Float[Tensor, "*pixels"]:
        """Light on surfaces, of which albedo shows a part."""
        toward = torch.nn.functional.normalize(normals.new_tensor(self.toward), dim=0)
        return (1.1 - self.strength) + self.strength * (normals @ toward).clamp_min(0)


LAMPS: Final = (
    Lamp("even", (0.0, -0.5, -1.0), 0.35),
    Lamp("camera", (0.05, -0.1, -1.0), 0.8),
    Lamp("above", (0.0, -1.0, -0.7), 0.8),
    Lamp("upper left", (-0.7, -0.7, -0.8), 0.8),
    Lamp("upper right", (0.7, -0.7, -0.8), 0.8),
    Lamp("left", (-1.0, -0.1, -0.6), 0.75),
    Lamp("right", (1.0, -0.1, -0.6), 0.75),
    Lamp("window", (0.8, -0.3, -0.9), 0.6),
)
"""Eight lights, from flat to grazing."""


@dataclass(frozen=True, eq=False)
class ScanPose:
    """The scan before a camera.

    Attributes:
        camera: Of the picture.
        verts: In the camera frame, millimetres.
        rotation: From the scan's frame to the camera's.
    """

    camera: PerspectiveCamera
    verts: Float[Tensor, "1 verts 3"]
    rotation: Float[Tensor, "3 3"]


@dataclass(frozen=True, eq=False)
class SeenRelief:
    """What a pose shows of the scan's texture space.

    Attributes:
        pixels: Where in the picture texels lie.
        normals: True ones in the camera frame.
        seen: Texels that face the camera, and that nothing hides.
    """

    pixels: Float[Tensor, "size size 2"]
    normals: Float[Tensor, "size size 3"]
    seen: Bool[Tensor, "size size"]


@dataclass(frozen=True, eq=False)
class ReliefScan:
    """A scan and its relief.

    Attributes:
        scan: The head.
        relief: Normals in the tangent frame, as glTF has them, -1 to 1.
    """

    scan: HeadScan
    relief: Float[Tensor, "1 3 rows columns"]

    @classmethod
    def read(cls, folder: Path, mm_per_unit: float) -> "ReliefScan":
        """See `HeadScan.read`; the normal map is `normal.jpg` or `.png`, laid out as the colour map is.

        Raises:
            DataError: If a file is missing, or cannot be read.
        """
        scan = HeadScan.read(folder, mm_per_unit)
        for name in NORMAL_FILES:
            path = folder / name
            if path.is_file():
                pixels = torch.from_numpy(decode_rgb(path.read_bytes(), str(path))).float()
                return cls(scan, torch.nn.functional.normalize(pixels.permute(2, 0, 1)[None] / 127.5 - 1))
        raise DataError(f"{folder}: expected the normal map {' or '.join(NORMAL_FILES)}, found none.")

    @cached_property
    def layout(self) -> TextureLayout:
        """The scan's texture space."""
        return TextureLayout.from_mesh(torch.from_numpy(self.scan.faces), self.scan.uv, SURFACE_PX)

    @cached_property
    def texel_mm(self) -> Float[Tensor, "size size"]:
        """Side of each texel; 0 between the charts."""
        surface = self._surface(torch.from_numpy(self.scan.verts_mm).float()[None])
        area = torch.linalg.cross(surface.along_u, surface.along_v, dim=-1).norm(dim=-1)[0]
        return area.sqrt() / SURFACE_PX * surface.mask

    def posed(self, yaw_deg: float, middle_mm: Float64[np.ndarray, " 3"]) -> ScanPose:
        """The scan turned before a camera that looks at a point; positive turns the nose to image left."""
        side = PICTURE_PX * _OVERSAMPLING
        camera = PerspectiveCamera(torch.tensor([side / WIDE_MM * DISTANCE_MM]), torch.full((1, 2), side / 2))
        yaw = torch.tensor([np.deg2rad(yaw_deg)], dtype=torch.float32)
        rotation = head_to_camera(head_matrix_from_angles(yaw, torch.zeros(1), torch.zeros(1)))
        centred = torch.from_numpy(self.scan.verts_mm - middle_mm).float()[None]
        return ScanPose(
            camera, transform_points(rotation, torch.tensor([[0.0, 0.0, DISTANCE_MM]]), centred), rotation[0]
        )

    @torch.no_grad()
    def pictures(self, pose: ScanPose, lamps: tuple[Lamp, ...]) -> list[UInt8[np.ndarray, "side side 3"]]:
        """Pictures of a pose under lamps, in sRGB, before grey."""
        side = PICTURE_PX * _OVERSAMPLING
        drawn = self.scan.renderer(side).render(pose.camera, pose.verts, self.scan.colour)
        frames = drawn.interpolate(torch.cat((self.scan.uv[None], *self._tangents(pose.verts)), dim=-1))[0]
        bent = _bent(drawn.normals[0], frames[..., 2:5], frames[..., 5:], self._relief_at(frames[..., :2]))
        background = torch.full((1, 3, side, side), _BACKGROUND)
        taken = []
        for lamp in lamps:
            lit = linear_to_srgb((drawn.radiance * lamp.light(bent)).clamp(0, 1))
            picture = composite(lit, background, drawn.mask)
            small = torch.nn.functional.avg_pool2d(picture, _OVERSAMPLING)[0]
            taken.append((255 * small).round().byte().permute(1, 2, 0).numpy())
        return taken

    @torch.no_grad()
    def seen(self, pose: ScanPose) -> SeenRelief:
        """The true normals that a pose shows."""
        surface = self._surface(pose.verts)
        size = SURFACE_PX
        centres = (torch.arange(size) + 0.5) / size
        uv = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), dim=-1)
        bent = _bent(surface.normals[0], surface.along_u[0], surface.along_v[0], self._relief_at(uv))
        points = surface.points[0]
        safe = torch.where(surface.mask[..., None], points, points.new_tensor((0, 0, 1.0)))
        pixels = project(pose.camera, safe.view(1, -1, 3))[0].view(size, size, 3)
        side = PICTURE_PX * _OVERSAMPLING
        drawn = self.scan.renderer(side).render(pose.camera, pose.verts, torch.zeros_like(pose.verts))
        place = pixels[..., :2].floor().long().clamp(0, side - 1)
        hidden = pixels[..., 2] > drawn.depth[0][place[..., 1], place[..., 0]] + _HIDDEN_MM
        view = -torch.nn.functional.normalize(points, dim=-1)
        facing = (surface.normals[0] * view).sum(dim=-1)
        seen = surface.mask & ~hidden & (facing > 0.5)
        return SeenRelief(pixels[..., :2] / _OVERSAMPLING, bent, seen)

    def _surface(self, verts: Float[Tensor, "1 verts 3"]) -> TextureSurface:
        return TextureSurface.from_vertices(
            verts, self.layout, self.scan.uv, torch.from_numpy(self.scan.weld)
        )

    def _tangents(self, verts: Float[Tensor, "1 verts 3"]) -> tuple[Tensor, Tensor]:
        return texture_tangents(verts, torch.from_numpy(self.scan.faces), self.scan.uv)

    def _relief_at(self, uv: Float[Tensor, "rows columns 2"]) -> Float[Tensor, "rows columns 3"]:
        return texture(self.relief, uv[None])[0]


def _bent(
    normals: Float[Tensor, "*pixels 3"],
    along_u: Float[Tensor, "*pixels 3"],
    along_v: Float[Tensor, "*pixels 3"],
    relief: Float[Tensor, "*pixels 3"],
) -> Float[Tensor, "*pixels 3"]:
    """Normals of a surface with those of a normal map on it: x along growing u, y against growing v."""
    right, up = orthonormal_tangents(normals, along_u), -orthonormal_tangents(normals, along_v)
    x, y, z = relief.split(1, dim=-1)
    return torch.nn.functional.normalize(x * right + y * up + z * normals, dim=-1)
