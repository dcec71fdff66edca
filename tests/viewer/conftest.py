"""A small head with ARKit's names and an uncertainty, seen by a known camera in a photo of one colour."""

import numpy as np
import pytest
import trimesh

from monoface.export import EyeNode, Material, MeshPart, OrthographicCameraNode, RiggedHead, encode_glb
from monoface.viewer import PageContents, PageFace, PagePhoto

MORPHS = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookOutLeft", "mouthSmileLeft", "mouthSmileRight")
WEIGHTS = np.array((0.25, 0.0, 0.0, 0.0, 0.5, 0.5))
SIZE_PX = (640, 480)
RADIUS_MM = 90.0


def rigged(radius_mm=RADIUS_MM, sigma=True):
    """A ball with a stretching chin, and an eye that turns."""
    sphere = trimesh.creation.icosphere(subdivisions=3, radius=radius_mm)
    verts = np.asarray(sphere.vertices, np.float32)
    chin = np.float32(0.3) * verts * (verts[:, 1:2] < 0)
    side = np.float32((6, 0, 0)) * (verts[:, :1] > 0)
    morphs = {"jawOpen": chin, "mouthSmileLeft": side, "mouthSmileRight": -side[:, ::-1].copy()}
    morphs |= {"eyeBlinkLeft": side * 2, "eyeBlinkRight": side * 3}
    uv = (0.5 + 0.4 * verts[:, :2] / radius_mm).astype(np.float32)
    numbers = {"sigma_mm": np.linspace(1, 9, len(verts), dtype=np.float32)} if sigma else {}
    eye = trimesh.creation.icosphere(subdivisions=2, radius=14)
    centre = np.array((32.0, 25.0, 84.0))
    eye_verts = (np.asarray(eye.vertices) + centre).astype(np.float32)
    texture = np.full((32, 32, 3), (190, 120, 90), np.uint8)
    transform = np.diag((1.0, -1.0, -1.0, 1.0))
    transform[:3, 3] = (0, 0, 800)
    return RiggedHead(
        parts=(
            MeshPart("skin", verts, np.asarray(sphere.faces), uv, "skin", morphs, numbers=numbers),
            MeshPart("eye_left", eye_verts, np.asarray(eye.faces), np.zeros((len(eye_verts), 2)), "eyes"),
        ),
        materials=(Material("skin", texture), Material("eyes", color=(0.1, 0.2, 0.9))),
        morph_names=MORPHS,
        morph_weights=WEIGHTS,
        eyes=(EyeNode("eye_left", centre, np.eye(3)),),
        camera=OrthographicCameraNode(transform, 0.6, (300.0, 220.0), SIZE_PX),
    )


def face_report(box_px=(246.0, 166.0, 354.0, 274.0)):
    return {
        "confidence": 0.9,
        "box_px": list(box_px),
        "yaw_deg": 12.34,
        "pitch_deg": -3.0,
        "roll_deg": 0.5,
        "T_camera_model": [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 800], [0, 0, 0, 1]],
        "camera": {"type": "weak_perspective", "scale_px_per_mm": 0.6, "principal_px": [300.0, 220.0]},
        "blendshapes": dict(zip(MORPHS, WEIGHTS.tolist(), strict=True)),
        "coefficients": {"expression": WEIGHTS.tolist()},
        "mean_vertex_sigma_mm": 2.5,
    }


def coloured(*rgb):
    return np.full((SIZE_PX[1], SIZE_PX[0], 3), rgb, np.uint8)


@pytest.fixture(scope="session")
def glb():
    return encode_glb(rigged())


@pytest.fixture(scope="session")
def contents(glb):
    """A photo with two faces, the second one without an uncertainty."""
    second = encode_glb(rigged(60.0, sigma=False))
    return PageContents(
        title="me & you.jpg",
        status="ok",
        reason="2 faces",
        photos=(PagePhoto("me & you.jpg", SIZE_PX, coloured(40, 90, 40), coloured(90, 40, 90)),),
        faces=(
            PageFace("Face 1", glb, "me & you.face0.glb", photo=0, report=face_report()),
            PageFace("Face 2", second, "me & you.face1.glb", photo=0, report=face_report((10, 20, 60, 80))),
        ),
        report={"format": "monoface-photo-1", "status": "ok"},
        report_name="me & you.json",
    )
