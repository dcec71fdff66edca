"""The sample photo, with the shipped weights and face model: what a newcomer sees."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from monoface import Reconstructor, ReconstructorConfig
from monoface.core.assets import asset_path
from monoface.export import read_glb
from monoface.pipeline.refining.landmark_file import load_landmark_habits

# The tip of the nose and the outer corners of both eyes, read off the photo.
NOSE_TIP, RIGHT_EYE, LEFT_EYE = (226, 127), (193, 102), (254, 101)


@pytest.fixture(scope="module")
def reconstructor():
    return Reconstructor(ReconstructorConfig(texture_size=256))


@pytest.fixture(scope="module")
def sample(repository):
    with Image.open(repository / "examples" / "astronaut.png") as image:
        return image.convert("RGB")


@pytest.fixture(scope="module")
def result(reconstructor, sample):
    return reconstructor.reconstruct(sample)


@pytest.fixture(scope="module")
def face(result):
    return result.faces[0]


@pytest.fixture(scope="module")
def head(face, tmp_path_factory):
    path = tmp_path_factory.mktemp("glb") / "face.glb"
    face.save(path)
    return read_glb(path)


def test_there_is_one_face_to_rely_on(result, face):
    assert (result.status, result.reason) == ("ok", "1 face")
    assert face.score > 0.5
    assert face.confidence > 0.5


def test_landmarks_lie_where_they_should(face):
    found = face.landmarks68_px[[30, 36, 45]]
    assert np.linalg.norm(found - (NOSE_TIP, RIGHT_EYE, LEFT_EYE), axis=1).max() < 9


def test_pose_is_frontal(face):
    assert abs(face.yaw_deg) < 12
    assert abs(face.pitch_deg) < 18
    assert abs(face.roll_deg) < 8


def test_mirrored_photo_gives_the_mirrored_face(reconstructor, sample, face):
    mirrored = reconstructor.reconstruct(sample.transpose(Image.Transpose.FLIP_LEFT_RIGHT)).faces[0]
    assert mirrored.yaw_deg == pytest.approx(-face.yaw_deg, abs=8)
    assert mirrored.roll_deg == pytest.approx(-face.roll_deg, abs=5)
    nose_px = mirrored.landmarks68_px[30] * (-1, 1) + (512, 0)
    assert np.linalg.norm(nose_px - face.landmarks68_px[30]) < 6


def test_written_head_reprojects_to_the_reported_landmarks(result, face, head, tmp_path):
    result.save(tmp_path / "report.json")
    reported = json.loads((tmp_path / "report.json").read_text())["faces"][0]["landmarks68_px"]
    verts_mm = np.zeros_like(face.verts_mm)
    cut, data = face.skin.assets.rig.cut, face.skin.model.data
    of_skin = data.face_part[cut.face_origin] == data.part_names.index("skin")
    # What the cut of the bust added lies far from all landmarks.
    verts_mm[cut.first[np.unique(cut.faces[of_skin])]] = head.parts["skin"].verts_mm
    landmarks = face.skin.model.landmarks("ibug68")
    weights = landmarks.weight[..., None]
    # Where annotators put the points on faces of these weights.
    habits_mm = load_landmark_habits(asset_path("monoface.safetensors"))["ibug68"]
    projected = head.camera.project((verts_mm[landmarks.index] * weights).sum(axis=1) + habits_mm)
    assert np.linalg.norm(projected - reported, axis=1).max() < 1
    assert np.linalg.norm(projected - reported, axis=1).mean() < 0.1


def test_head_has_arkits_names_and_named_parts(face, head):
    assert len(face.blendshapes) == 51
    assert {"browDownLeft", "jawOpen", "eyeBlinkRight", "mouthSmileLeft"} <= face.blendshapes.keys()
    assert {"skin", "eye_left", "eye_right", "teeth", "mouth"} <= head.parts.keys()
    assert 180 < np.ptp(head.parts["skin"].verts_mm[:, 1]) < 400


def test_texture_has_the_colours_of_the_photo(face, sample):
    pixels = np.asarray(sample).astype(float)
    distance = np.linalg.norm(face.dense_landmarks_px - face.landmarks68_px[29], axis=1)
    nose = int(np.argmin(np.where(face.visibility, distance, np.inf)))
    x, y = face.dense_landmarks_px[nose]
    u, v = (face.skin.model.uv[nose] * 256).astype(int)
    assert_allclose(face.texture[v, u], pixels[int(y), int(x)], atol=30)
    assert (face.texture == 0).all(axis=-1).mean() < 0.001


def test_front_is_visible_and_back_is_not(face):
    _, height, depth = face.verts_mm.T
    inner = face.skin.model.data.regions["narrow_face"]
    # Lids and nostrils have insides, which nobody sees.
    assert face.visibility[inner & (depth > 90)].mean() > 0.6
    assert not face.visibility[(depth < -40) & (height > 0) & (height < 60)].any()


@pytest.mark.parametrize("roll_deg", range(15, 360, 15))
def test_a_turned_photo_gives_the_same_face_turned(reconstructor, sample, face, roll_deg):
    """Clockwise as seen, about the middle of a square photo; Pillow turns the other way."""
    turned = sample.rotate(-roll_deg, resample=Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))
    found = max(reconstructor.reconstruct(turned).faces, key=lambda one: one.confidence)
    away_deg = found.roll_deg - face.roll_deg - roll_deg
    assert abs((away_deg + 180) % 360 - 180) < 5
    cosine, sine = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
    middle = np.array(sample.size) / 2
    expected_px = (face.landmarks68_px - middle) @ np.array([[cosine, sine], [-sine, cosine]]) + middle
    size_px = np.ptp(face.landmarks68_px, axis=0).max()
    assert np.linalg.norm(found.landmarks68_px - expected_px, axis=1).mean() < 0.05 * size_px


def test_what_covers_a_face_colours_nothing_but_itself(reconstructor, sample, face):
    """A green mask from the nose down: the neck, the ears and the eyeballs keep their colours."""
    masked = np.array(sample)
    masked[128:170, 195:252] = (60, 190, 150)
    found = reconstructor.reconstruct(masked).faces[0]
    outside = ~face.model.regions["narrow_face"] & ~face.visibility
    uv = face.model.uv[outside]
    rows, columns = ((1 - uv[:, 1]) * 255).astype(int), (uv[:, 0] * 255).astype(int)
    plain, changed = (one.texture[rows, columns].astype(float).mean(axis=0) for one in (face, found))
    greener = (changed - plain)[1] - (changed - plain)[[0, 2]].mean()
    assert abs(greener) < 8
    assert np.abs(changed - plain).max() < 30
