"""Faces that were found in crops, seen by a pinhole whose focal length is known."""

from dataclasses import replace

from jaxtyping import Float

from monoface.core.arrays import Array, constant, namespace, norm, normalized
from monoface.facemodel import FaceCoefficients
from monoface.geometry.cameras import AnyCamera, PerspectiveCamera, WeakPerspectiveCamera, transform_points
from monoface.geometry.rotations import turn_between
from monoface.shading import rotate_radiance


def seen_by_pinhole(
    coefficients: FaceCoefficients,
    camera: AnyCamera,
    points_mm: Float[Array, "batch points 3"],
    pinhole: PerspectiveCamera,
) -> FaceCoefficients:
    """Pose of faces under another camera of the same photos: of the size, and where, they were seen before.

    The middle of given points stays where it appears, and so does the scale around it, from which the
    distance follows. The head, with the light on it, turns as the line of sight does, so that the side it
    shows stays the same: a crop knows nothing of where in the photo it lies.

    Args:
        coefficients: Under the camera.
        camera: Of the photos.
        points_mm: Points of the face in the model frame, such as its landmarks.
        pinhole: The other camera of the same photos.
    """
    xp, centre_mm = namespace(points_mm), points_mm.mean(1)[:, None]
    before_mm = transform_points(coefficients.rotation, coefficients.translation_mm, centre_mm)
    seen_px = camera.project(before_mm)[0][:, 0]
    forward = xp.broadcast_to(constant((0.0, 0.0, 1.0), before_mm), (len(before_mm), 3))
    sight_before = forward if isinstance(camera, WeakPerspectiveCamera) else normalized(before_mm[:, 0])
    offset = (seen_px - pinhole.principal_px) / pinhole.focal_px[:, None]
    ray = xp.concat((offset, xp.ones_like(offset[:, :1])), -1)
    turn = turn_between(sight_before, normalized(ray))
    # Off the axis a pinhole stretches what faces it, away from the middle by the norm of the ray. In the
    # mean over both directions the scale is kept.
    scale = camera.scale_at(before_mm[:, 0, 2]) / xp.sqrt(norm(ray))
    depth_mm = pinhole.focal_px / scale
    rotation = turn @ coefficients.rotation
    turned_mm = (rotation @ centre_mm.mT)[..., 0]
    return replace(
        coefficients,
        rotation=rotation,
        translation_mm=depth_mm[:, None] * ray - turned_mm,
        light=rotate_radiance(coefficients.light, turn),
    )
