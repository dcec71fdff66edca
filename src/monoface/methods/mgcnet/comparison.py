"""Terms that compare views of one person: colours, depths and landmarks of what both of two views show."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from monoface.facemodel import FaceCoefficients
from monoface.geometry.cameras import AnyCamera
from monoface.geometry.epipolar import fundamental_between, relative_pose
from monoface.geometry.reprojection import reproject, sample_clamped
from monoface.geometry.rotations import angle_between
from monoface.losses.multiview import (
    depth_consistency,
    epipolar_consistency,
    gate_samples,
    pixel_consistency,
    published_depth_consistency,
    ssim_consistency,
)
from monoface.methods.mgcnet.config import ViewTermsConfig
from monoface.methods.mgcnet.shared_views import TARGET
from monoface.methods.rendered_faces import RenderedFaces
from monoface.render.covisibility import covisible_by_vertices
from monoface.render.warping import View, WarpedView, warp_source

VIEWS = 3
SOURCES = (0, 2)


def compare_pictures(
    drawn: RenderedFaces,
    photo: Float[Tensor, "views 3 size size"],
    faces: Int[Tensor, "faces 3"],
    active: Bool[Tensor, " batch"],
    config: ViewTermsConfig,
) -> dict[str, Float[Tensor, " batch"]]:
    """Pixel, structure and depth terms of samples, means over both sources; zero where not active.

    Args:
        drawn: The views, those of a sample together.
        photo: Their photos, at the size they are drawn at.
        faces: The mesh that was drawn.
        active: Samples whose views may be compared.
        config: Which terms, in which form.
    """
    rows = _compared(active, config)
    zero = drawn.coefficients.rotation.new_zeros(len(active))
    terms = {name: zero for name in ("pixel", "ssim", "depth") if getattr(config, name)}
    if not len(rows) or not terms:
        return terms
    # Both sources of all samples in one call: the targets twice.
    target_rows = VIEWS * rows.repeat(len(SOURCES)) + TARGET
    source_rows = torch.cat([VIEWS * rows + source for source in SOURCES])
    target, source = (_view(drawn, photo, which) for which in (target_rows, source_rows))
    warped, mask = _warp(drawn, faces, (target_rows, source_rows), (target, source), config)
    errors: dict[str, Tensor] = {}
    if "pixel" in terms:
        errors["pixel"] = pixel_consistency(warped.image, target.image, mask, match_gain=config.match_gain)
    if "ssim" in terms:
        errors["ssim"] = ssim_consistency(warped.image, target.image, mask)
    if "depth" in terms:
        if config.depth_form == "exact":
            errors["depth"] = depth_consistency(warped.warped_mm, warped.sampled_mm, mask)
        else:
            errors["depth"] = published_depth_consistency(target.depth, warped.sampled_mm, mask)
    return {name: _of_samples(error, rows, active, config) for name, error in errors.items()}


def compare_landmarks(
    coefficients: FaceCoefficients,
    camera: AnyCamera,
    points_px: Mapping[str, Float[Tensor, "batch views points 2"]],
    active: Bool[Tensor, " batch"],
    config: ViewTermsConfig,
) -> Float[Tensor, " batch"]:
    """Distance in pixels of known landmarks from epipolar lines; its gradient reaches poses alone.

    Args:
        coefficients: Of the views, those of a sample together.
        camera: Of the views.
        points_px: Landmarks in their pixels; NaN where unknown.
        active: Samples whose views may be compared so.
        config: Which form.
    """
    known = [points_px[name] for name in config.epipolar_sets if name in points_px]
    rows = _compared(active, config)
    if not len(rows) or not known:
        return coefficients.rotation.new_zeros(len(active))
    points = torch.cat(known, dim=2)
    target_rows = VIEWS * rows.repeat(len(SOURCES)) + TARGET
    source_rows = torch.cat([VIEWS * rows + source for source in SOURCES])
    rotation, translation = coefficients.rotation, coefficients.translation_mm
    relative = relative_pose(
        rotation[source_rows], translation[source_rows], rotation[target_rows], translation[target_rows]
    )
    fundamental = fundamental_between(*relative, camera[target_rows], camera[source_rows], config.essential)
    by_view = points.flatten(0, 1)
    error = epipolar_consistency(by_view[target_rows], by_view[source_rows], fundamental)
    turn = angle_between(rotation[source_rows], rotation[target_rows]).detach()
    error = torch.where(turn >= config.least_turn_rad, error, 0.0)
    return _of_samples(error, rows, active, config)


def _compared(active: Tensor, config: ViewTermsConfig) -> Int[Tensor, " rows"]:
    """Samples to compute: all that are active; with the published gating, errors of all samples count."""
    if config.gating == "outer_product":
        return torch.arange(len(active), device=active.device)
    return active.nonzero()[:, 0]


def _of_samples(
    error: Float[Tensor, " pairs"], rows: Tensor, active: Tensor, config: ViewTermsConfig
) -> Float[Tensor, " batch"]:
    """Means over the sources, in their places in the batch, gated."""
    mean = error.unflatten(0, (len(SOURCES), len(rows))).mean(dim=0)
    whole = mean.new_zeros(len(active)).index_copy(0, rows, mean)
    return gate_samples(whole, active, config.gating)


def _view(drawn: RenderedFaces, photo: Tensor, rows: Tensor) -> View:
    found = drawn.coefficients
    return View(
        image=photo[rows],
        depth=drawn.face.depth[rows],
        camera=drawn.camera[rows],
        rotation=found.rotation[rows],
        translation_mm=found.translation_mm[rows],
    )


def _warp(
    drawn: RenderedFaces,
    faces: Tensor,
    rows: tuple[Tensor, Tensor],
    views: tuple[View, View],
    config: ViewTermsConfig,
) -> tuple[WarpedView, Tensor]:
    """The sources in the targets' pixels, and the weight of each pixel."""
    target, source = views
    if config.covisibility == "depth":
        warped = warp_source(source, target, config.tolerance_mm)
        return warped, warped.covisible
    covisible = covisible_by_vertices(
        drawn.face.face_index[rows[0]],
        drawn.face.face_index[rows[1]],
        faces,
        triangle_0_leak=config.covisibility == "vertices_leaking",
    )
    return _warp_by_mask(source, target, covisible, clamped=config.clamped_sampling)


def _warp_by_mask(
    source: View, target: View, covisible: Tensor, *, clamped: bool
) -> tuple[WarpedView, Tensor]:
    """Sampling where a mask that knows no depth allows it; what lies outside has a weight if clamped."""
    source_px, warped_mm = reproject(target.depth, target.camera, source.camera, *source.relative_to(target))
    layers = torch.cat((source.image, source.depth[:, None]), dim=1)
    sampled, validity = sample_clamped(layers, source_px)
    if not clamped:
        height, width = source.depth.shape[-2:]
        x, y = source_px.detach().unbind(dim=-1)
        validity = ((x >= 0.5) & (x <= width - 0.5) & (y >= 0.5) & (y <= height - 0.5)).to(sampled.dtype)
    weight = covisible.to(sampled.dtype) * validity.detach()
    return WarpedView(sampled[:, :-1], warped_mm, sampled[:, -1], covisible), weight
