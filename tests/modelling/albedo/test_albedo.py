import numpy as np
import pytest
import torch

from monoface.core.errors import ConfigError
from monoface.modelling.albedo.albedo import AlbedoConfig, albedo_basis
from monoface.modelling.albedo.delight import DelitPortraits


@pytest.fixture(scope="module")
def basis(face_model):
    """Learned from made-up people: tones on a line, darker lips for all, and rosy cheeks for some."""
    generator = np.random.default_rng(6)
    verts, people = len(face_model.mean_mm), 16
    lips = face_model.data.regions["lips"].numpy()
    cheeks = (face_model.mean_mm[:, 2].numpy() > 60) & (np.abs(face_model.mean_mm[:, 0].numpy()) > 25)
    tone = np.exp(np.linspace(-1.5, 0, people))[:, None] * np.array((0.5, 0.35, 0.25))
    own = np.zeros((people, verts, 3))
    own[:, cheeks] = 0.2 * generator.normal(size=(people, 1, 1))
    shared = np.zeros((verts, 3))
    shared[lips] = -0.5
    weight = np.ones((people, verts))
    return albedo_basis(
        face_model.data, DelitPortraits(tone, shared, own, weight), AlbedoConfig(modes=3)
    ), cheeks


def test_the_first_mode_reaches_the_darkest_and_lightest_person(face_model, basis):
    made, cheeks = basis
    plain = (
        face_model.data.regions["narrow_face"].numpy() & ~cheeks & ~face_model.data.regions["lips"].numpy()
    )
    dark, light = (np.median((made.mean + c * made.modes[0])[plain], axis=0) for c in (-2.5, 2.5))
    np.testing.assert_allclose(dark, np.exp(-1.47) * np.array((0.5, 0.35, 0.25)), rtol=0.1)
    np.testing.assert_allclose(light, np.exp(-0.03) * np.array((0.5, 0.35, 0.25)), rtol=0.1)


def test_the_second_mode_is_what_people_differ_in_besides(face_model, basis):
    made, cheeks = basis
    inner = torch.from_numpy(cheeks) & face_model.data.regions["narrow_face"]
    size = np.linalg.norm(made.modes[1], axis=1)
    far = face_model.data.regions["nose"].numpy()
    assert np.median(size[inner.numpy()]) > 5 * np.median(size[far])
    assert np.abs(made.modes[2]).max() < 0.2 * np.abs(made.modes[1]).max()


def test_everything_is_symmetric_and_the_lips_stay_dark(face_model, basis):
    made, _ = basis
    mirror = face_model.data.mirror.numpy()
    np.testing.assert_array_equal(made.modes[:, mirror], made.modes)
    np.testing.assert_array_equal(made.mean[mirror], made.mean)
    regions = face_model.data.regions
    assert made.mean[regions["lips"].numpy()].mean() < 0.8 * made.mean[regions["nose"].numpy()].mean()


def test_the_back_of_the_head_gets_the_colour_of_the_skin(face_model, basis):
    made, _ = basis
    regions = face_model.data.regions
    back = made.mean[(regions["skin"] & (face_model.mean_mm[:, 2] < -40)).numpy()]
    np.testing.assert_allclose(back.mean(axis=0), made.mean[regions["nose"].numpy()].mean(axis=0), rtol=0.2)


def test_a_basis_without_tint_is_refused():
    with pytest.raises(ConfigError, match="at least 2, for tone and tint, got 1"):
        AlbedoConfig(modes=1)
