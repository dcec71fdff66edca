"""Photos of a head scan: drawn by our renderer from several sides and distances, in several lights."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, UInt8
from torch import Tensor

from monoface.evaluation.scans.scan_data import HeadScan
from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera
from monoface.render import composite
from monoface.shading import ambient_light

LightName = Literal["even", "lamp"]
LIGHTS: Final[tuple[LightName, ...]] = ("even", "lamp")
"""Light from everywhere, which shows the colour map as it is; and a lamp above and at image left."""

PICTURE_PX: Final = 512
_OVERSAMPLING = 2
# A picture shows so much of the plane through the face's middle: the head and some of what is around it.
_WIDE_MM = 420.0
_BACKGROUND = 0.55
# From where a surface must be seen to lie outside, and how large.
_SEEN_FROM_DEG = (-60.0, -30.0, 0.0, 30.0, 60.0)
_SEEN_PX = 1024


@dataclass(frozen=True)
class ScanView:
    """How a photo of a scan is taken.

    Attributes:
        yaw_deg: Turn of the head; positive turns the nose to image left.
        distance_mm: From the camera to the middle of the face.
        light: In which light.
    """

    yaw_deg: float
    distance_mm: float
    light: LightName

    @property
    def key(self) -> str:
        """Name of the photo."""
        return f"yaw{self.yaw_deg:+03.0f}-{self.distance_mm:.0f}mm-{self.light}"


@torch.no_grad()
def take_photo(
    scan: HeadScan, view: ScanView, middle_mm: Float64[np.ndarray, " 3"]
) -> UInt8[np.ndarray, "side side 3"]:
    """A photo of a scan before grey, in sRGB.

    Args:
        scan: The head.
        view: How it is taken.
        middle_mm: Point of the scan that the camera looks at.
    """
    large = PICTURE_PX * _OVERSAMPLING
    camera = PerspectiveCamera(
        torch.tensor([large / _WIDE_MM * view.distance_mm]), torch.full((1, 2), large / 2)
    )
    verts = _turned(scan, view.yaw_deg, middle_mm, view.distance_mm)
    drawn = scan.renderer(large).render(camera, verts, scan.colour, _light(view.light))
    background = torch.full((1, 3, large, large), _BACKGROUND)
    picture = composite(drawn.image.clamp(0, 1), background, drawn.mask)
    small = torch.nn.functional.avg_pool2d(picture, _OVERSAMPLING)[0]
    return (255 * small).round().byte().permute(1, 2, 0).numpy()


@torch.no_grad()
def outer_surface(scan: HeadScan) -> HeadScan:
    """The part of a scan that is seen from the front and the sides, in one piece: not the mouth's inside."""
    low, high = scan.verts_mm.min(axis=0), scan.verts_mm.max(axis=0)
    away_mm = 2 * float(np.linalg.norm(high - low))
    camera = WeakPerspectiveCamera(torch.tensor([2 * _SEEN_PX / away_mm]), torch.full((1, 2), _SEEN_PX / 2))
    seen = np.zeros(len(scan.faces), dtype=bool)
    for yaw_deg in _SEEN_FROM_DEG:
        verts = _turned(scan, yaw_deg, (low + high) / 2, away_mm)
        drawn = scan.renderer(_SEEN_PX).render(camera, verts, torch.zeros_like(verts))
        shown = drawn.face_index.unique().numpy()
        seen[shown[shown >= 0]] = True
    # What is seen through a gap between the lips hangs together with nothing else that is seen.
    rows = np.flatnonzero(seen)
    seen[rows[~_largest_piece(scan.weld[scan.faces[rows]])]] = False
    used = np.unique(scan.faces[seen])
    new_index = np.full(len(scan.verts_mm), -1)
    new_index[used] = np.arange(len(used))
    return replace(
        scan,
        verts_mm=scan.verts_mm[used],
        faces=new_index[scan.faces[seen]],
        uv=scan.uv[torch.from_numpy(used)],
        weld=np.arange(len(used)),
    )


def _largest_piece(faces: Int64[np.ndarray, "faces 3"]) -> Bool[np.ndarray, " faces"]:
    """Which triangles belong to the piece that has most of them; a piece hangs together by its corners."""
    piece = np.arange(int(faces.max()) + 1)
    while True:
        lowest = piece[faces].min(axis=1)
        spread = piece.copy()
        np.minimum.at(spread, faces.ravel(), lowest.repeat(3))
        if (spread == piece).all():
            break
        piece = spread[spread]
    of_face = piece[faces[:, 0]]
    return of_face == np.bincount(of_face).argmax()


def _turned(
    scan: HeadScan, yaw_deg: float, middle_mm: Float64[np.ndarray, " 3"], distance_mm: float
) -> Float[Tensor, "1 verts 3"]:
    """Vertices in the frame of a camera that looks at a point from a distance."""
    yaw = torch.tensor([np.deg2rad(yaw_deg)], dtype=torch.float32)
    rotation = head_to_camera(head_matrix_from_angles(yaw, torch.zeros(1), torch.zeros(1)))
    centred = torch.from_numpy(scan.verts_mm - middle_mm).float()[None]
    return transform_points(rotation, torch.tensor([[0.0, 0.0, distance_mm]]), centred)


def middle_of_face(landmarks_mm: Float[np.ndarray, "7 3"]) -> Float64[np.ndarray, " 3"]:
    """What cameras look at: the middle between the outer corners of the eyes and those of the mouth."""
    return landmarks_mm[[0, 3, 5, 6]].astype(np.float64).mean(axis=0)


def _light(name: LightName) -> Float[Tensor, "1 9 3"] | None:
    if name == "even":
        return None
    light = ambient_light(torch.tensor([[2.2, 2.2, 2.2]]))
    # Rows 1 to 3 grow along y, z and x; the camera frame's y points down, its z away.
    light[:, 1] -= 0.6
    light[:, 2] -= 0.8
    light[:, 3] -= 0.9
    return light
