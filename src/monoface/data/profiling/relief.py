"""Face profiling: turn a photo out of the picture plane with the geometry that was fitted to it.

A grid lies over the photo. On the face its nodes have the fitted face's depth; off the face the depth
relaxes smoothly from the face's border. The grid is turned about the vertical axis of the head and
drawn again with the photo as texture: a large-pose photo whose geometry is known.

Reference:
    Zhu et al., "Face Alignment Across Large Poses: A 3D Solution", CVPR 2016, who mesh the background
    with anchors instead of a regular grid.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numba import njit
from torch import Tensor

from monoface.facemodel import FaceCoefficients
from monoface.geometry.cameras import NOMINAL_DISTANCE_MM, WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import camera_to_head, head_angles_from_matrix, matrix_from_axis_angle
from monoface.raster import interpolate, rasterize

_GRID_NODES = 57
_SWEEPS = 60
_OVER_RELAXATION = 1.85


@dataclass(frozen=True)
class TurnedView:
    """A photo seen from elsewhere.

    Attributes:
        image: The new picture; pixels that the grid does not reach are black.
        covered: Which pixels it reaches.
        rotation: From the model frame to the camera frame, now.
        translation_mm: Of the model's origin in the camera frame, now.
        camera: Camera of the new picture.
    """

    image: UInt8[np.ndarray, "size size channels"]
    covered: Bool[np.ndarray, "size size"]
    rotation: Float[Tensor, "1 3 3"]
    translation_mm: Float[Tensor, "1 3"]
    camera: WeakPerspectiveCamera


class PhotoRelief:
    """One photo as a textured relief that can be turned.

    Args:
        image: RGB, or anything else in 8-bit channels.
        verts_camera: The fitted face in the camera frame, millimetres: one row.
        faces: Its triangles: the face's surface without eyes and mouth interior.
        camera: Weak-perspective camera of the photo.
        coefficients: The fit; one row.
    """

    def __init__(
        self,
        image: UInt8[np.ndarray, "height width channels"],
        verts_camera: Float[Tensor, "1 verts 3"],
        faces: Tensor,
        camera: WeakPerspectiveCamera,
        coefficients: FaceCoefficients,
    ) -> None:
        self._image = image
        self._camera = camera
        self._coefficients = coefficients
        height, width = image.shape[:2]
        nodes_px = _grid_nodes(width, height)
        depth_mm = _grid_depth(nodes_px, verts_camera, faces, camera, (height, width))
        scale = camera.scale_px_per_mm[0]
        nodes_mm = (nodes_px - camera.principal_px[0]) / scale
        self._nodes_mm = torch.cat((nodes_mm, depth_mm[:, None]), dim=-1)[None]
        self._nodes_uv = (nodes_px / torch.tensor([width, height]))[None]
        self._faces = _grid_faces()

    @property
    def yaw_rad(self) -> float:
        """Yaw of the face in the photo."""
        yaw, _, _ = head_angles_from_matrix(camera_to_head(self._coefficients.rotation))
        return float(yaw[0])

    def turned_rotation(self, yaw_rad: float, pitch_rad: float) -> Float[Tensor, "1 3 3"]:
        """Rotation of the turned head, from the model frame to the camera frame; angles as in `turned`."""
        old = self._coefficients.rotation
        about_head = matrix_from_axis_angle(old.new_tensor([[0.0, -yaw_rad, 0.0]]))
        # The camera's y axis points down, so that a positive turn about x lowers the nose.
        about_picture = matrix_from_axis_angle(old.new_tensor([[-pitch_rad, 0.0, 0.0]]))
        return about_picture @ old @ about_head

    def turned(
        self, yaw_rad: float, pitch_rad: float, camera: WeakPerspectiveCamera, size: int
    ) -> TurnedView:
        """The photo with the head turned by so much more yaw and pitch, drawn by another camera.

        Args:
            yaw_rad: Added turn about the head's own vertical axis; positive turns the nose to image left.
            pitch_rad: Added turn about the picture's horizontal axis; positive turns the nose up.
            camera: Camera of the new picture, which looks at the turned head's origin in the middle.
            size: Side of the new picture in pixels.
        """
        rotation = self.turned_rotation(yaw_rad, pitch_rad)
        turn = rotation @ self._coefficients.rotation.mT
        centre = self._coefficients.translation_mm
        translation = centre.new_tensor([[0.0, 0.0, NOMINAL_DISTANCE_MM]])
        nodes = transform_points(turn, translation, self._nodes_mm - centre[:, None])
        nodes_px, depth = camera.project(nodes)
        image, covered = self._draw(torch.cat((nodes_px, depth[..., None]), dim=-1), size)
        return TurnedView(image, covered, rotation, translation, camera)

    def _draw(self, nodes: Tensor, size: int) -> tuple[np.ndarray, np.ndarray]:
        fragments = rasterize(nodes.contiguous(), self._faces, (size, size), cull="none")
        uv = interpolate(self._nodes_uv, self._faces, fragments)
        source = torch.from_numpy(self._image.copy()).permute(2, 0, 1)[None].float()
        sampled = torch.nn.functional.grid_sample(
            source, uv * 2 - 1, mode="bilinear", padding_mode="border", align_corners=False
        )
        covered = fragments.face_index[0] >= 0
        image = (sampled[0] * covered).round().clamp(0, 255).byte().permute(1, 2, 0)
        return image.numpy(), covered.numpy()


def _grid_nodes(width: int, height: int) -> Tensor:
    """Nodes in pixels, row by row, from border to border."""
    y, x = torch.meshgrid(
        torch.linspace(0, height, _GRID_NODES), torch.linspace(0, width, _GRID_NODES), indexing="ij"
    )
    return torch.stack((x, y), dim=-1).flatten(0, 1)


def _grid_faces() -> Tensor:
    number = torch.arange(_GRID_NODES * _GRID_NODES).unflatten(0, (_GRID_NODES, _GRID_NODES))
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    return torch.cat((torch.stack((a, d, c), -1).flatten(0, 1), torch.stack((a, c, b), -1).flatten(0, 1)))


def _grid_depth(
    nodes_px: Tensor,
    verts_camera: Tensor,
    faces: Tensor,
    camera: WeakPerspectiveCamera,
    size: tuple[int, int],
) -> Tensor:
    """Depth in millimetres at grid nodes: the head's where it is, relaxed elsewhere.

    The face's own border fixes the surroundings: hair and neck go on where the face ends.
    """
    verts_px, depth = camera.project(verts_camera)
    fragments = rasterize(torch.cat((verts_px, depth[..., None]), dim=-1).contiguous(), faces, size)
    column = nodes_px[:, 0].long().clamp(0, size[1] - 1)
    row = nodes_px[:, 1].long().clamp(0, size[0] - 1)
    on_face = (fragments.face_index[0, row, column] >= 0).unflatten(0, (_GRID_NODES, _GRID_NODES))
    known = fragments.depth[0, row, column].unflatten(0, (_GRID_NODES, _GRID_NODES))
    back = float(depth[0].quantile(0.9))
    values = torch.where(on_face, known, torch.tensor(back)).numpy()
    # Where the face reaches the border it stays as it is; the rest of the border lies at the back.
    _relax(values, on_face.numpy(), _SWEEPS)
    return torch.from_numpy(values).flatten()


@njit(cache=True, nogil=True)
def _relax(values: np.ndarray, fixed: np.ndarray, sweeps: int) -> None:
    """Solve Laplace's equation in place where nodes are not fixed, by successive over-relaxation."""
    height, width = values.shape
    for _ in range(sweeps):
        for row in range(1, height - 1):
            for column in range(1, width - 1):
                if not fixed[row, column]:
                    around = values[row - 1, column] + values[row + 1, column]
                    around += values[row, column - 1] + values[row, column + 1]
                    values[row, column] += _OVER_RELAXATION * (around / 4 - values[row, column])
