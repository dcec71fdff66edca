import dataclasses
import inspect
import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image

from monoface.core.errors import ConfigError, OutputExistsError
from monoface.export import read_glb
from monoface.facemodel import Correctives, FaceModel
from monoface.pipeline.face import Face
from monoface.pipeline.face_assets import AssetNames, FaceAssets
from monoface.pipeline.face_skin import FaceSkin
from monoface.pipeline.writing.json_report import to_json
from monoface.pipeline.writing.scene import rigged_head


def test_landmarks_are_points_of_the_mesh(toy_face, toy_model):
    landmarks = toy_model.landmarks("ibug68")
    assert_allclose(toy_face.landmarks68_px, toy_face.dense_landmarks_px[landmarks.index[:, 0]], atol=0.01)


def test_transform_and_camera_give_the_pixels(toy_face):
    T, lens = toy_face.T_camera_model, toy_face.lens
    points_camera = toy_face.verts_mm @ T[:3, :3].T + T[:3, 3]
    seen_px = lens.scale_px_per_mm * points_camera[:, :2] + lens.principal_px
    assert_allclose(seen_px, toy_face.dense_landmarks_px, atol=0.01)


def test_verts_are_those_of_the_coefficients(toy_face, toy_model):
    found = toy_face.posed.coefficients
    shape = toy_face.skin.model.shape(found.identity, found.expression)[0]
    assert_allclose(toy_face.verts_mm, shape, atol=1e-3)
    assert list(toy_face.blendshapes) == list(toy_model.expression_names)
    assert all(0 <= weight <= 1 for weight in toy_face.blendshapes.values())


def test_what_faces_the_camera_is_visible(toy_face, toy_model):
    assert toy_face.visibility.shape == (len(toy_face.verts_mm),)
    front = toy_face.verts_mm[:, 2] > 60
    back = toy_face.verts_mm[:, 2] < -60
    assert toy_face.visibility[front & toy_model.data.regions["face"].numpy()].mean() > 0.9
    assert not toy_face.visibility[back].any()


def test_texture_shows_the_photo(toy_face, photo_array, toy_model):
    vertex = int(np.argmax(toy_face.verts_mm[:, 2] * toy_model.data.regions["face"].numpy()))
    x, y = toy_face.dense_landmarks_px[vertex]
    u, v = toy_model.uv[vertex].numpy() * 64
    assert toy_face.texture.shape == (64, 64, 3)
    assert_allclose(
        toy_face.texture[int(v), int(u)].astype(int), photo_array[int(y), int(x)].astype(int), atol=12
    )


def test_written_head_reprojects_to_the_landmarks(toy_face, toy_model, tmp_path):
    toy_face.save(tmp_path / "face.glb")
    head = read_glb(tmp_path / "face.glb")
    skin = toy_model.data.face_part == toy_model.data.part_names.index("skin")
    rows = np.unique(toy_model.faces[skin])
    wanted = toy_model.landmarks("ibug68").index[:, 0].numpy()
    projected = head.camera.project(head.parts["skin"].verts_mm)[np.searchsorted(rows, wanted)]
    assert_allclose(projected, toy_face.landmarks68_px, atol=1)


def test_head_has_parts_morphs_bones_and_turned_eyes(toy_face):
    head = rigged_head(toy_face.posed, toy_face.skin)
    assert {"Neck", "Head", "LeftEye"} <= set(head.skeleton.names)
    assert all(part.joint_weights is not None for part in head.parts)
    assert [part.name for part in head.parts] == ["skin", "eye_left", "eye_right"]
    assert head.morph_names == tuple(toy_face.blendshapes)
    assert_allclose(head.morph_weights, list(toy_face.blendshapes.values()), atol=1e-6)
    left = toy_face.skin.model.data.eyes["eye_left"].verts
    eye = next(part for part in head.parts if part.name == "eye_left")
    assert_allclose(head.posed_verts_mm(eye), toy_face.verts_mm[left], atol=0.05)


def test_morphs_are_the_persons_own(toy_face, toy_model_data, tmp_path):
    verts = torch.arange(0, 400, 2)
    offsets = torch.randn(1, 5, len(verts), 3, generator=torch.Generator().manual_seed(2))
    extra = Correctives(torch.tensor([1]), verts, offsets)
    model = FaceModel(dataclasses.replace(toy_model_data, correctives=extra))
    identity = torch.linspace(-1, 1, 5)[None]
    expression = torch.tensor([[0.0, 0.8, 0.3, 0.0]])
    verts_mm = model.shape(identity, expression)[0].numpy()
    posed = dataclasses.replace(
        toy_face.posed, identity=identity[0].numpy(), expression=expression[0].numpy(), verts_mm=verts_mm
    )
    assets = FaceAssets(AssetNames(None, "", texture_size=64), model.in_numpy())
    face = Face(FaceSkin(posed, toy_face.photo, assets))
    face.save(tmp_path / "face.glb")
    skin = model.data.face_part == model.data.part_names.index("skin")
    rows = np.unique(model.faces[skin])
    assert_allclose(read_glb(tmp_path / "face.glb").parts["skin"].verts_mm, verts_mm[rows], atol=0.05)


@pytest.mark.parametrize("suffix", ["glb", "obj", "ply", "json"])
def test_equal_faces_give_equal_bytes(toy_reconstructor, photo_array, suffix, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        toy_reconstructor.reconstruct(photo_array).faces[0].save(tmp_path / name / f"face.{suffix}")
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_report_says_everything(toy_result, toy_face):
    report = json.loads(to_json(toy_result.report()))
    assert report["status"] == "ok"
    assert report["photo"] == {"name": "array", "size_px": [200, 160]}
    face = report["faces"][0]
    assert_allclose(face["landmarks68_px"], toy_face.landmarks68_px, atol=1e-3)
    assert_allclose(face["T_camera_model"], toy_face.T_camera_model, atol=1e-4)
    assert face["yaw_deg"] == pytest.approx(toy_face.yaw_deg, abs=1e-3)
    assert face["blendshapes"].keys() == toy_face.blendshapes.keys()
    assert len(face["coefficients"]["identity"]) == 5
    assert set(report["made_with"]["sha256"]) >= {"toy.safetensors", "face_model.safetensors"}


def test_rows_of_numbers_take_one_line(toy_result):
    text = to_json(toy_result.report()).decode()
    assert max(map(len, text.splitlines())) < 400
    assert len(text.splitlines()) < 200


def test_overlay_is_drawn_on_the_photo(toy_result, photo_array, tmp_path):
    toy_result.save(tmp_path / "overlay.png")
    overlay = np.asarray(Image.open(tmp_path / "overlay.png")).astype(int)
    changed = (abs(overlay - photo_array) > 8).any(axis=-1)
    assert overlay.shape == photo_array.shape
    assert changed[40:110, 70:130].mean() > 0.5
    assert not changed[:, :20].any()


def test_unknown_suffixes_are_refused(toy_result, toy_face, tmp_path):
    with pytest.raises(ConfigError, match=r"expected a suffix \.glb"):
        toy_face.save(tmp_path / "face.fbx")
    with pytest.raises(ConfigError, match=r"expected a suffix \.json, \.png or \.html"):
        toy_result.save(tmp_path / "photo.jpg")


def test_existing_files_are_not_replaced(toy_face, tmp_path):
    toy_face.save(tmp_path / "face.json")
    with pytest.raises(OutputExistsError, match=r"face\.json"):
        toy_face.save(tmp_path / "face.json")
    toy_face.save(tmp_path / "face.json", overwrite=True)


def test_results_print_in_a_line(toy_result, toy_face):
    assert repr(toy_result) == "PhotoResult('array', 'ok', '1 face')"
    assert repr(toy_face).startswith("Face(confidence=0.5")
    assert len(repr(toy_face)) < 120


def test_arrays_of_a_face_are_those_of_one_face(toy_face, toy_model):
    assert toy_face.identity.shape == (toy_model.identity_size,)
    assert toy_face.expression.shape == (toy_model.expression_size,)
    assert toy_face.rotation.shape == (3, 3)
    assert toy_face.neutral_verts_mm.shape == toy_face.verts_mm.shape
    assert_allclose(toy_face.model.verts_mm(toy_face.identity), toy_face.neutral_verts_mm, atol=1e-4)
    assert_allclose(
        toy_face.model.verts_mm(toy_face.identity, toy_face.expression), toy_face.verts_mm, atol=1e-3
    )


@pytest.mark.parametrize("name", ["coefficients", "camera", "appearance", "placed_mesh", "measurement"])
def test_former_names_of_a_face_say_what_to_use(toy_face, name):
    with pytest.warns(DeprecationWarning, match=rf"Face\.{name} will go: use"):
        value = getattr(toy_face, name)
    assert value is getattr(toy_face.posed, name, None) or value is getattr(toy_face.skin, name, None)
    with pytest.raises(AttributeError, match="no attribute 'coefficient'"):
        toy_face.coefficient  # noqa: B018


def test_former_names_of_results_say_what_to_use(toy_reconstructor, toy_result, photo_array):
    with pytest.warns(DeprecationWarning, match="use all_faces"):
        assert toy_result.found == toy_result.all_faces
    with pytest.warns(DeprecationWarning, match="use reconstruct_many"):
        results = list(toy_reconstructor.reconstruct_each([photo_array]))
    assert [len(result.faces) for result in results] == [1]
    # Without the shape checks of the tests, which refuse a list before the method sees it.
    reconstruct = inspect.unwrap(type(toy_reconstructor).reconstruct)
    with pytest.warns(DeprecationWarning, match="use reconstruct_many"):
        assert len(reconstruct(toy_reconstructor, [photo_array, photo_array])) == 2


def test_notebooks_show_a_face_and_a_photo(toy_face, toy_result):
    for shown in (toy_face, toy_result):
        text = shown._repr_html_()
        assert text.startswith('<img alt="')
        assert "data:image/jpeg;base64," in text
        assert text.count("id=&quot;model-") == 1
        assert "<iframe srcdoc=" in text


def test_notebooks_show_one_line_where_there_is_no_photo(toy_result):
    unreadable = dataclasses.replace(
        toy_result, photo=None, faces=(), doubtful=(), name="<b>.jpg", status="unreadable"
    )
    assert unreadable._repr_html_().startswith("<p>PhotoResult(&#x27;&lt;b&gt;.jpg")


def test_a_face_is_shown_in_the_browser(toy_face, monkeypatch, tmp_path):
    monkeypatch.setattr("monoface.viewer.showing.webbrowser.open", lambda _: True)
    monkeypatch.setattr("monoface.viewer.showing.tempfile.tempdir", str(tmp_path))
    page = toy_face.show()
    assert page.parent == tmp_path
    assert b"model/gltf-binary" in page.read_bytes()
