"""Losses: tensors in, one value per sample out. None of them renders."""

from monoface.losses.adversarial import critic_loss, deception_loss
from monoface.losses.closure import GapPairs, gap_distance, gap_widths, gaps, openings
from monoface.losses.coefficients import (
    gaussian_prior,
    mean_robust,
    mean_squared,
    range_excess,
    rotation_distance,
)
from monoface.losses.consistency import landmark_consistency, vertex_distance
from monoface.losses.contour import contour_distance, silhouette_vertices
from monoface.losses.landmarks import landmark_distance
from monoface.losses.margin_softmax import MarginConfig, margin_softmax
from monoface.losses.multiview import (
    depth_consistency,
    epipolar_consistency,
    pixel_consistency,
    published_depth_consistency,
    ssim_consistency,
)
from monoface.losses.perceptual import cosine_distance
from monoface.losses.photometric import photometric_distance
from monoface.losses.point_likelihood import point_surprise
from monoface.losses.segmentation import class_error
from monoface.losses.smoothness import (
    adjacent_triangles_difference,
    displacement_size,
    map_roughness,
    neighbour_deviation,
    normal_change,
)
from monoface.losses.weighted_coefficients import weighted_squares

__all__ = [
    "GapPairs",
    "MarginConfig",
    "adjacent_triangles_difference",
    "class_error",
    "contour_distance",
    "cosine_distance",
    "critic_loss",
    "deception_loss",
    "depth_consistency",
    "displacement_size",
    "epipolar_consistency",
    "gap_distance",
    "gap_widths",
    "gaps",
    "gaussian_prior",
    "landmark_consistency",
    "landmark_distance",
    "map_roughness",
    "margin_softmax",
    "mean_robust",
    "mean_squared",
    "neighbour_deviation",
    "normal_change",
    "openings",
    "photometric_distance",
    "pixel_consistency",
    "point_surprise",
    "published_depth_consistency",
    "range_excess",
    "rotation_distance",
    "silhouette_vertices",
    "ssim_consistency",
    "vertex_distance",
    "weighted_squares",
]
