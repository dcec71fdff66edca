"""A person of a clip as an animated GLB: the camera is fixed, the head moves."""

from dataclasses import replace

import numpy as np

from monoface.export.animation import HeadAnimation
from monoface.export.glb import encode_glb
from monoface.export.scene import OrthographicCameraNode
from monoface.export.skeleton import Skeleton
from monoface.geometry.cameras import NOMINAL_DISTANCE_MM
from monoface.geometry.rotations import HALF_TURN_ABOUT_X, camera_to_head
from monoface.pipeline.writing.scene import rigged_head
from monoface.rigging.bones import HEAD
from monoface.video.motion import Motion
from monoface.video.reconstructor import PersonInClip
from monoface.video.smoothing import quaternions_of


def animated_glb(person: PersonInClip, size_px: tuple[int, int]) -> bytes:
    """Bytes of a GLB file whose camera `photo_camera` shows the head where the clip's frames do.

    Eyes are turned by morphs, as in files of photos; their bones stay at rest.

    Args:
        person: With a motion.
        size_px: Width and height of the clip's frames.
    """
    head = rigged_head(person.face.posed, person.face.skin)
    assert head.skeleton is not None
    scale_px = float(np.median(person.motion.scale_px))
    principal_px = size_px[0] / 2, size_px[1] / 2
    transform = np.eye(4)
    transform[:3, :3] = HALF_TURN_ABOUT_X
    transform[2, 3] = NOMINAL_DISTANCE_MM
    camera = OrthographicCameraNode(transform, scale_px, principal_px, size_px)
    animation = animation_of(person.motion, head.skeleton, scale_px, principal_px, len(head.morph_names))
    head = replace(head, camera=camera, morph_weights=animation.weights[0])
    return encode_glb(head, animation=animation)


def animation_of(
    motion: Motion, skeleton: Skeleton, scale_px: float, principal_px: tuple[float, float], morphs: int
) -> HeadAnimation:
    """A motion as the head's bone, the root and the morphs have it, before a camera that looks along -z.

    Args:
        motion: Of a person.
        skeleton: At rest.
        scale_px: Pixels a millimetre of the fixed camera.
        principal_px: Its principal point.
        morphs: How many the head has; those beyond the motion's stay 0.
    """
    turn = camera_to_head(motion.rotation.astype(np.float64))
    size = motion.scale_px / scale_px
    # Where the model's origin is: the camera's y points down, the head's up.
    origin_mm = np.zeros((len(motion), 3))
    origin_mm[:, :2] = (motion.shift_px - np.array(principal_px)) / scale_px * (1, -1)
    pivot_mm = skeleton.joints[skeleton.names.index(HEAD)].place_mm.astype(np.float64)
    place_mm = origin_mm - size[:, None] * (pivot_mm - turn @ pivot_mm)
    weights = np.zeros((len(motion), morphs))
    weights[:, : motion.expression.shape[1]] = motion.expression
    time_s = motion.time_s - motion.time_s[0]
    return HeadAnimation(time_s, weights, quaternions_of(turn), place_mm, size, HEAD)
