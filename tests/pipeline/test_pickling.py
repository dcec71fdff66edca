"""Results are data: they pickle, copy, and go to other processes, where they give the same files."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from saving_elsewhere import save

from monoface.core.errors import ModelFileError
from monoface.pipeline import Reconstructor, ReconstructorConfig, TogetherConfig, reconstruct_together
from monoface.pipeline.face import Face
from monoface.pipeline.face_assets import AssetNames, FaceAssets
from monoface.pipeline.face_skin import FaceSkin


@pytest.fixture
def result(toy_reconstructor, photo_array):
    return toy_reconstructor.reconstruct(photo_array)


@pytest.fixture(scope="module")
def together(pointed_reconstructor, photo_array):
    photos = [photo_array, np.ascontiguousarray(photo_array[:, ::-1])]
    return reconstruct_together(photos, pointed_reconstructor, TogetherConfig(compare=None))


def test_a_face_comes_back_from_a_pickle_as_it_was(result, tmp_path):
    face = result.faces[0]
    again = pickle.loads(pickle.dumps(face))
    for name in (
        "identity",
        "expression",
        "verts_mm",
        "landmarks68_px",
        "box",
        "neutral_verts_mm",
        "texture",
    ):
        assert_array_equal(getattr(again, name), getattr(face, name))
    assert again.blendshapes == face.blendshapes
    assert again.lens == face.lens
    for name, one in (("first", face), ("second", again)):
        one.save(tmp_path / f"{name}.glb")
    assert (tmp_path / "first.glb").read_bytes() == (tmp_path / "second.glb").read_bytes()


def test_a_pickle_has_neither_face_model_nor_networks(result, toy_files):
    photo_bytes = result.photo.image_srgb.nbytes
    verts_bytes = result.faces[0].verts_mm.nbytes
    result.faces[0].texture  # noqa: B018
    assert len(pickle.dumps(result)) < photo_bytes + verts_bytes + 64 * 64 * 3 + 20_000


@pytest.mark.parametrize("make_copy", [copy.copy, copy.deepcopy])
def test_copies_share_what_was_loaded_and_nothing_else(result, make_copy):
    again = make_copy(result.faces[0])
    assert again.skin.assets is result.faces[0].skin.assets
    assert_array_equal(again.texture, result.faces[0].texture)
    if make_copy is copy.deepcopy:
        again.photo.image_srgb[:] = 0
        again.identity[:] = 0
        assert result.photo.image_srgb.any()
        assert result.faces[0].identity.any()


def test_faces_unpickled_in_a_process_share_one_face_model(result):
    first, second = (pickle.loads(pickle.dumps(result.faces[0])) for _ in range(2))
    assert first.skin.model is second.skin.model
    assert first.skin.model is not result.faces[0].skin.model


def test_a_measured_face_keeps_its_uncertainty(pointed_reconstructor, photo_array):
    face = pointed_reconstructor.reconstruct(photo_array).faces[0]
    again = pickle.loads(pickle.dumps(face))
    assert_array_equal(again.vertex_sigma_mm, face.vertex_sigma_mm)
    assert_array_equal(again.posed.measurement.seen.place_px, face.posed.measurement.seen.place_px)


@pytest.mark.parametrize("make_again", [copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result))])
def test_several_photos_together_come_back(together, make_again):
    again = make_again(together)
    assert again.report() == together.report()
    assert_array_equal(again.face.texture, together.face.texture)
    assert again.face in again.faces


def test_another_process_writes_the_same_files(result, together, tmp_path):
    jobs = [(result, "report.json"), (result.faces[0], "face.glb"), (together, "together.glb")]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(save, one, tmp_path / f"there.{name}") for one, name in jobs]:
            done.result(timeout=300)
    for one, name in jobs:
        one.save(tmp_path / f"here.{name}")
        assert (tmp_path / f"here.{name}").read_bytes() == (tmp_path / f"there.{name}").read_bytes()


def test_a_face_model_that_has_changed_is_refused(result, toy_files, tmp_path):
    path = tmp_path / "head.safetensors"
    path.write_bytes(toy_files[0].read_bytes())
    assets = FaceAssets(AssetNames.of_files(path, texture_size=64))
    face = Face(FaceSkin(result.faces[0].posed, result.photo, assets))
    again = pickle.loads(pickle.dumps(face))
    # Whitespace at the end of the header does not change what the file means, but it is another file.
    changed = (
        path.read_bytes()
        .replace(b'"terms": "none"', b'"terms":"none" ')
        .replace(rb"\"terms\": \"none\"", rb"\"terms\":\"none\" ")
    )
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    assert again.identity.any()
    with pytest.raises(ModelFileError, match="Put back the one that the face was made with"):
        again.texture  # noqa: B018


def test_a_callers_face_model_changes_no_reconstructor():
    """Defect: the shipped face model was one mutable module of the whole process."""
    from monoface.facemodel import load_default_model

    mine = load_default_model()
    tools = Reconstructor(ReconstructorConfig(weights="pretrain"))
    mine.double()
    mine.data.mean_mm.zero_()
    mine.data.regions["face"][:] = False
    assert tools.face_model.mean_mm.dtype.itemsize == 4
    other = load_default_model()
    assert other.mean_mm.any()
    assert other.data.regions["face"].any()
    assert tools.face_model is not mine


def test_appearance_that_weights_do_not_tell_is_none(result):
    face = result.faces[0]
    assert face.albedo is None
    assert face.light is None
    assert face.report()["coefficients"]["light"] != np.zeros((9, 3)).tolist()
