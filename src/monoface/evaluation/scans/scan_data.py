"""A textured scan of a whole head, and the seven landmarks that place meshes on it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, UInt8
from torch import Tensor

from monoface.core.errors import DataError
from monoface.data.sources.archive import decode_rgb
from monoface.detection import FaceDetector
from monoface.detection.teacher import FaceMeshTeacher
from monoface.export.glb_reader import read_glb
from monoface.export.scene import ExportError
from monoface.geometry.cameras import WeakPerspectiveCamera
from monoface.render import Renderer
from monoface.shading import srgb_to_linear

COLOUR_FILES: Final = ("color.jpg", "color.png")
MM_PER_UNIT: Final = 66.0
"""Of the Lee Perry-Smith head scan (Infinite-Realities, CC BY 3.0), whose file states no unit."""

SEVEN_OF_468: Final = (33, 133, 362, 263, 2, 61, 291)
"""NoW's seven landmarks among the points of the face mesh: outer and inner corner of the subject's right eye,
inner and outer of the left one, lower end of the nose, right and left corner of the mouth."""

# Marked by hand once, on enlarged pictures of the scan from the front, to about a millimetre; in the file's
# units, in the order of NoW. Eyes are shut, which the face-mesh network misjudges by up to 8 mm.
_BY_HAND: Final = {
    "LeePerrySmith": (
        (-1.017, 1.641, 1.692), (-0.408, 1.711, 1.847), (0.208, 1.697, 1.839), (0.803, 1.645, 1.687),
        (-0.114, 0.894, 2.321), (-0.488, 0.389, 2.089), (0.338, 0.415, 2.084),
    ),
}  # fmt: skip

_FRONTAL_PX = 1024
_FRONTAL_MARGIN = 1.05


@dataclass(frozen=True, eq=False)
class HeadScan:
    """A scan whose +x points to the subject's left, +y up and +z out of the face.

    Attributes:
        name: Of its file.
        verts_mm: Vertices.
        faces: Triangles, counter-clockwise seen from outside.
        uv: Texture coordinates, origin top left.
        weld: For each vertex the first one at the same place.
        colour: Colour map in linear RGB.
    """

    name: str
    verts_mm: Float64[np.ndarray, "verts 3"]
    faces: Int64[np.ndarray, "faces 3"]
    uv: Float[Tensor, "verts 2"]
    weld: Int64[np.ndarray, " verts"]
    colour: Float[Tensor, "1 3 rows columns"]

    @classmethod
    def read(cls, folder: Path, mm_per_unit: float = MM_PER_UNIT) -> "HeadScan":
        """The scan of a folder: one .glb file with one mesh, and its colour map `color.jpg` or `.png`.

        The map's rows count from the bottom, as those of the Lee Perry-Smith scan do.

        Args:
            folder: Holds the files.
            mm_per_unit: Millimetres a unit of the file.

        Raises:
            DataError: If there is not one such file, or it cannot be read.
        """
        paths = sorted(folder.glob("*.glb")) if folder.is_dir() else []
        if len(paths) != 1:
            raise DataError(f"{folder}: expected one .glb file of a head, found {len(paths)}.")
        try:
            parts = list(read_glb(paths[0]).parts.values())
        except (ExportError, OSError) as error:
            raise DataError(f"{paths[0]}: expected a head scan, cannot read it ({error}).") from error
        if len(parts) != 1:
            raise DataError(f"{paths[0]}: expected one mesh, got {len(parts)}.")
        # The reader takes units for metres, as glTF has them.
        verts_mm = np.asarray(parts[0].verts_mm, np.float64) * mm_per_unit / 1000
        uv = torch.from_numpy(np.array(parts[0].uv, np.float32))
        from_top = torch.stack((uv[:, 0], 1 - uv[:, 1]), dim=-1)
        faces = np.asarray(parts[0].faces, np.int64)
        return cls(paths[0].stem, verts_mm, faces, from_top, _weld(verts_mm), _colour(folder))

    def renderer(self, side_px: int) -> Renderer:
        """What draws square pictures of the scan."""
        faces, weld = torch.from_numpy(self.faces), torch.from_numpy(self.weld)
        return Renderer(faces, (side_px, side_px), weld, uv=self.uv)


@dataclass(frozen=True, eq=False)
class FrontalPicture:
    """The scan from the front, under weak perspective.

    Attributes:
        picture: sRGB.
        depth_mm: Along the viewing axis; 0 where there is no surface.
        camera: Its camera.
        origin_mm: Point of the scan at the camera frame's origin, as far as x and y are concerned.
        away_mm: Depth of that point.
    """

    picture: UInt8[np.ndarray, "side side 3"]
    depth_mm: Float[np.ndarray, "side side"]
    camera: WeakPerspectiveCamera
    origin_mm: Float64[np.ndarray, " 3"]
    away_mm: float

    @classmethod
    def of(cls, scan: HeadScan) -> "FrontalPicture":
        """A picture that shows all of a scan."""
        low, high = scan.verts_mm.min(axis=0), scan.verts_mm.max(axis=0)
        origin_mm, away_mm = (low + high) / 2, 1000.0
        scale = _FRONTAL_PX / (_FRONTAL_MARGIN * float((high - low)[:2].max()))
        camera = WeakPerspectiveCamera(torch.tensor([scale]), torch.full((1, 2), _FRONTAL_PX / 2))
        placed = (scan.verts_mm - origin_mm) * (1, -1, -1) + (0, 0, away_mm)
        drawn = scan.renderer(_FRONTAL_PX).render(camera, torch.from_numpy(placed).float()[None], scan.colour)
        image = (255 * drawn.image[0].clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()
        return cls(image, drawn.depth[0].numpy(), camera, origin_mm, away_mm)

    def lifted(self, points_px: Float[np.ndarray, "points 2"]) -> Float64[np.ndarray, "points 3"]:
        """The points of the scan that pixels show; NaN where they show none."""
        column, row = np.clip(np.floor(points_px).astype(np.int64), 0, _FRONTAL_PX - 1).T
        depth_mm = self.depth_mm[row, column].astype(np.float64)
        scale, middle = float(self.camera.scale_px_per_mm[0]), _FRONTAL_PX / 2
        across = (points_px - middle) / scale
        placed = np.stack((across[:, 0], -across[:, 1], self.away_mm - depth_mm), axis=-1)
        return np.where((depth_mm > 0)[:, None], placed + self.origin_mm, np.nan)


def landmarks_of(scan: HeadScan, mm_per_unit: float = MM_PER_UNIT) -> Float64[np.ndarray, "7 3"]:
    """NoW's seven landmarks of a scan: those that were marked by hand, else as `find_landmarks` has them.

    They begin alignments and cut out the face; weights that are measured have no part in them.

    Raises:
        DataError: If no face is seen.
    """
    if scan.name in _BY_HAND:
        return np.array(_BY_HAND[scan.name]) * mm_per_unit
    return find_landmarks(scan)


def find_landmarks(scan: HeadScan) -> Float64[np.ndarray, "7 3"]:
    """NoW's seven landmarks of a scan: where the face-mesh network sees them from the front, on its surface.

    Raises:
        DataError: If no face is seen.
    """
    front = FrontalPicture.of(scan)
    detections = FaceDetector()(front.picture)
    if not detections:
        raise DataError(f"{scan.name}: expected a face seen from +z with +y up, found none. Turn the scan.")
    meshes = FaceMeshTeacher()(front.picture, detections[:1])
    landmarks_mm = front.lifted(meshes.points_px[0, list(SEVEN_OF_468), :2].astype(np.float64))
    if not np.isfinite(landmarks_mm).all():
        raise DataError(f"{scan.name}: expected all seven landmarks on the scan, some are beside it.")
    return landmarks_mm


def _weld(verts_mm: Float64[np.ndarray, "verts 3"]) -> Int64[np.ndarray, " verts"]:
    """Vertices are doubled at seams of the texture; normals must not know of it."""
    _, first, place = np.unique(verts_mm.round(4), axis=0, return_index=True, return_inverse=True)
    return first[place.ravel()].astype(np.int64)


def _colour(folder: Path) -> Float[Tensor, "1 3 rows columns"]:
    for name in COLOUR_FILES:
        path = folder / name
        if path.is_file():
            pixels = decode_rgb(path.read_bytes(), str(path))
            image = torch.from_numpy(pixels).float().permute(2, 0, 1)[None] / 255
            return srgb_to_linear(image)
    raise DataError(f"{folder}: expected the colour map {' or '.join(COLOUR_FILES)}, found none.")
