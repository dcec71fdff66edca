"""A small head that has everything a real one has: seams, morphs, turning eyes, shared textures, a camera."""

import numpy as np
import pytest
import torch
import trimesh

from monoface.export import EyeNode, Material, MeshPart, OrthographicCameraNode, RiggedHead
from monoface.geometry.rotations import head_matrix_from_angles, head_to_camera, matrix_from_axis_angle

MORPHS = ("jawOpen", "mouthSmileLeft", "eyeBlinkRight")


def ball(name, centre, radius, material, **more):
    sphere = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    verts = (np.asarray(sphere.vertices) + centre).astype(np.float32)
    uv = (0.5 + 0.4 * np.asarray(sphere.vertices)[:, :2] / radius).astype(np.float32)
    return MeshPart(name, verts, np.asarray(sphere.faces), uv, material, **more)


def with_seam(part):
    """The part with its first three vertices doubled, as along a texture seam, and used by half the faces."""
    count = len(part.verts_mm)
    faces = part.faces.copy()
    half = faces[::2]
    faces[::2] = np.where(half < 3, half + count, half)

    def doubled(rows):
        return np.concatenate((rows, rows[:3]))

    uv = doubled(part.uv)
    uv[count:] = 1 - uv[count:]
    weld = np.concatenate((np.arange(count), np.arange(3)))
    morphs = {name: doubled(rows) for name, rows in part.morphs_mm.items()}
    return MeshPart(part.name, doubled(part.verts_mm), faces, uv, part.material, morphs, weld=weld)


def camera_pose(yaw=0.4, pitch=-0.2, roll=0.1, translation_mm=(12.0, -7.0, 900.0)):
    angles = (torch.tensor(value, dtype=torch.float64) for value in (yaw, pitch, roll))
    T_camera_model = np.eye(4)
    T_camera_model[:3, :3] = head_to_camera(head_matrix_from_angles(*angles)).numpy()
    T_camera_model[:3, 3] = translation_mm
    return T_camera_model


@pytest.fixture
def texture():
    down, across = np.mgrid[:32, :64]
    return np.stack((4 * across, 7 * down, 90 + 0 * down), axis=-1).astype(np.uint8)


@pytest.fixture
def head(texture):
    rng = np.random.default_rng(7)
    skin = ball("skin", (0.0, 0.0, 0.0), 90.0, "skin")
    everywhere = rng.normal(0, 3, skin.verts_mm.shape).astype(np.float32)
    few = np.where(np.arange(len(everywhere))[:, None] < 4, everywhere, 0).astype(np.float32)
    moving = {"jawOpen": everywhere, "eyeBlinkRight": few}
    skin = with_seam(MeshPart("skin", skin.verts_mm, skin.faces, skin.uv, "skin", moving))
    teeth = ball("teeth", (0.0, -30.0, 60.0), 10.0, "teeth")
    down = np.tile(np.float32((0, -8, 1)), (len(teeth.verts_mm), 1))
    teeth = MeshPart("teeth", teeth.verts_mm, teeth.faces, teeth.uv, "teeth", {"jawOpen": down})
    eye = ball("eye_left", (32.0, 25.0, 70.0), 12.0, "eyes")
    gaze = matrix_from_axis_angle(torch.tensor((0.1, 0.4, 0.0), dtype=torch.float64)).numpy()
    return RiggedHead(
        parts=(skin, teeth, eye),
        materials=(
            Material("skin", texture),
            Material("teeth", color=(0.8, 0.5, 0.25)),
            Material("eyes", texture),
        ),
        morph_names=MORPHS,
        morph_weights=np.array((0.5, 0.25, 1.0)),
        eyes=(EyeNode("eye_left", np.array((32.0, 25.0, 70.0)), gaze),),
        camera=OrthographicCameraNode(camera_pose(), 2.5, (290.0, 260.0), (640, 480)),
        extras={"confidence": 0.75, "weights": "pretrain"},
    )
