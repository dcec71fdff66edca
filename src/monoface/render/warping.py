"""One view of a face, drawn from the pixels of another: occlusion-aware view synthesis."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from monoface.geometry.cameras import PerspectiveCamera, WeakPerspectiveCamera
from monoface.geometry.epipolar import relative_pose
from monoface.geometry.reprojection import reproject, reprojection_matrix, sample_bilinear
from monoface.render.covisibility import DEFAULT_TOLERANCE_MM, covisible_by_depth


@dataclass(frozen=True)
class View:
    """A photo, the face found in it, and the depth of that face in the photo's pixels.

    Attributes:
        image: The photo, any colour space.
        depth: Depth of the face as drawn, millimetres in the camera frame; 0 where there is no surface.
        camera: Of the photo.
        rotation: From the model frame to the camera frame.
        translation_mm: Likewise.
    """

    image: Float[Tensor, "batch channels height width"]
    depth: Float[Tensor, "batch height width"]
    camera: PerspectiveCamera | WeakPerspectiveCamera
    rotation: Float[Tensor, "batch 3 3"]
    translation_mm: Float[Tensor, "batch 3"]

    def relative_to(self, target: "View") -> tuple[Float[Tensor, "batch 3 3"], Float[Tensor, "batch 3"]]:
        """Rotation and translation from the target's camera frame to this one's."""
        return relative_pose(self.rotation, self.translation_mm, target.rotation, target.translation_mm)


@dataclass(frozen=True)
class WarpedView:
    """What a source shows at the target's pixels; all zero where not both show the same surface.

    Attributes:
        image: The source's photo.
        warped_mm: Depth of the target's surface in the source's camera frame.
        sampled_mm: Depth that the source has there.
        covisible: Where both views show the same surface.
    """

    image: Float[Tensor, "batch channels height width"]
    warped_mm: Float[Tensor, "batch height width"]
    sampled_mm: Float[Tensor, "batch height width"]
    covisible: Bool[Tensor, "batch height width"]


def warp_source(source: View, target: View, tolerance_mm: float = DEFAULT_TOLERANCE_MM) -> WarpedView:
    """Samples the source where the target's surface lies in it, if `covisible_by_depth` finds it there.

    Differentiable once, with respect to both depths, both poses and cameras, and the source's photo.
    """
    tensors = source.image, source.depth, target.depth
    fusable = all(one.dtype in (torch.float32, torch.float64) and one.device.type == "cpu" for one in tensors)
    alike = len({one.dtype for one in tensors}) == 1 and source.image.shape[-2:] == source.depth.shape[-2:]
    if not fusable or not alike or min(source.depth.shape[-2:]) < 2:
        return warp_source_reference(source, target, tolerance_mm)
    # Imported late, because numba takes half a second.
    from monoface.render._warping_numba import FusedWarp

    matrix = reprojection_matrix(target.camera, source.camera, *source.relative_to(target))
    pinholes = tuple(isinstance(one.camera, PerspectiveCamera) for one in (target, source))
    fused: tuple[Tensor, ...] = FusedWarp.apply(*tensors, matrix, pinholes, tolerance_mm)
    return WarpedView(*fused)


def warp_source_reference(
    source: View, target: View, tolerance_mm: float = DEFAULT_TOLERANCE_MM
) -> WarpedView:
    """The definition of `warp_source`: reprojection, the test of depths and sampling one after the other."""
    relative = source.relative_to(target)
    source_px, warped_mm = reproject(target.depth, target.camera, source.camera, *relative)
    covisible = covisible_by_depth(source_px, warped_mm, target.depth, source.depth, tolerance_mm)
    layers = torch.cat((source.image, source.depth[:, None]), dim=1)
    sampled, _ = sample_bilinear(layers, source_px)
    shown = torch.where(covisible[:, None], sampled, 0.0)
    return WarpedView(shown[:, :-1], torch.where(covisible, warped_mm, 0.0), shown[:, -1], covisible)
