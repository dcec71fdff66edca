import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from synthetic_people import write_lfw

from monoface.core.errors import ConfigError, DataError
from monoface.evaluation.people.consistency import (
    EvaluateConsistencyConfig,
    NeutralShape,
    pairwise_distance,
    run,
    summarise,
)
from monoface.evaluation.people.person_photos import PersonPhoto, person_photos


def shape(person, name, offset_mm, expression_mm=1.0):
    neutral = np.zeros((5, 3), np.float32)
    neutral[:, 0] = offset_mm
    return NeutralShape(PersonPhoto(f"{person}/{name}", person, lambda: None), neutral, expression_mm)


@pytest.fixture
def config(tmp_path):
    return EvaluateConsistencyConfig(tmp_path, tmp_path / "r.json")


def test_distances_within_and_between_people_by_hand(config):
    shapes = [
        shape("a", 1, 0.0),
        shape("a", 2, 1.0),
        shape("a", 3, 2.0, 0.5),
        shape("b", 1, 10.0),
        shape("b", 2, 12.0),
    ]
    report = summarise(shapes, config)
    by_key = {case.key: case.errors for case in report.cases}
    assert_allclose(by_key["a/1"]["variation_mm"], 1.5)
    assert_allclose(by_key["b/1"]["variation_mm"], 2)
    assert_allclose(by_key["a/1"]["others_mm"], 11)
    assert_allclose(by_key["b/1"]["others_mm"], 9)
    assert_allclose(by_key["b/1"]["ratio_percent"], 100 * 2 / 9)
    assert by_key["a/1"]["recognised_percent"] == 100
    assert_allclose(by_key["a/1"]["neutral_shift_mm"], 2)
    assert "neutral_shift_mm" not in by_key["a/3"]
    assert_allclose(report.figures["all"]["variation_mm"], np.mean([1.5, 1, 1.5, 2, 2]))


def test_a_predictor_that_knows_no_identity_is_found_out(config):
    rng = np.random.default_rng(0)
    shapes = [shape(f"{row % 20}", row, value) for row, value in enumerate(rng.normal(size=80))]
    figures = summarise(shapes, config).figures["all"]
    assert 85 < figures["ratio_percent"] < 130
    assert 42 < figures["recognised_percent"] < 58
    same = summarise([shape("a", 1, 0), shape("a", 2, 0), shape("b", 1, 0), shape("b", 2, 0)], config)
    assert same.figures["all"]["variation_mm"] == 0
    assert same.figures["all"]["recognised_percent"] == 50


def test_expression_that_leaks_into_identity_shows(config):
    rng = np.random.default_rng(1)
    strength = rng.uniform(0, 3, 60)
    shapes = [shape(f"{row // 4}", row, value, value) for row, value in enumerate(strength)]
    by_third = summarise(shapes, config).figures
    shifts = [by_third[name]["neutral_shift_mm"] for name in ("some expression", "much expression")]
    assert shifts[0] < shifts[1]
    assert list(by_third) == ["all", "little expression", "some expression", "much expression"]


def test_photos_without_a_face_are_failures(config):
    failed = NeutralShape(PersonPhoto("a/9", "a", lambda: None), None, failure="no face was found")
    report = summarise([shape("a", 1, 0), shape("a", 2, 1), failed], config)
    assert report.failures == {"a/9": "no face was found"}
    assert report.figures["all"]["variation_mm"] == 1


def test_pairwise_distances_agree_with_a_loop():
    rng = np.random.default_rng(2)
    shapes = list(rng.normal(size=(4, 7, 3)).astype(np.float32))
    expected = [[np.linalg.norm(a - b, axis=1).mean() for b in shapes] for a in shapes]
    assert_allclose(pairwise_distance(shapes), expected, atol=1e-6)
    assert pairwise_distance([]).shape == (0, 0)


@pytest.fixture
def folder(tmp_path):
    for person, count in (("anna", 3), ("bert", 2), ("carl", 1)):
        (tmp_path / "people" / person).mkdir(parents=True)
        for number in range(count):
            picture = Image.fromarray(np.full((40, 40, 3), 30 * number, np.uint8))
            picture.save(tmp_path / "people" / person / f"{number}.png")
        (tmp_path / "people" / person / "notes.txt").write_text("")
    return tmp_path / "people"


def test_folders_are_people_and_those_with_one_photo_are_left_out(folder):
    photos = person_photos(folder, "folder", people=10, photos=2)
    assert {photo.person for photo in photos} == {"anna", "bert"}
    assert len(photos) == 4
    assert photos[0].load().shape == (40, 40, 3)
    assert [photo.key for photo in photos] == [
        photo.key for photo in person_photos(folder, "folder", people=10, photos=2)
    ]
    with pytest.raises(DataError, match="expected people with two photos or more"):
        person_photos(folder / "carl", "folder", 10, 2)


def test_people_kept_aside_take_no_part(tmp_path):
    write_lfw(tmp_path / "lfw", people=4, photos=2)
    (tmp_path / "exclude.json").write_text('{"lfw": [1, 2]}')
    photos = person_photos(tmp_path / "lfw", "lfw", people=10, photos=2)
    assert {photo.person for photo in photos} == {"0", "3"}


def test_sources_of_ours_are_people_too(data_dir):
    photos = person_photos(data_dir / "fasseg", "fasseg", people=2, photos=3)
    assert len(photos) == 6
    assert all(photo.person != "-1" and photo.yaw_deg is not None for photo in photos)
    assert len({photo.person for photo in person_photos(data_dir / "ytf", "ytf", 3, 2)}) == 3


def test_run_reports_photos_without_faces(folder, tmp_path):
    report = run(EvaluateConsistencyConfig(folder, tmp_path / "r.json"))
    assert len(report.failures) == 5
    assert "no face was found" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize("name", ["people", "photos"])
def test_one_alone_cannot_be_compared(tmp_path, name):
    with pytest.raises(ConfigError, match=f"{name}: expected at least 2, got 1"):
        EvaluateConsistencyConfig(tmp_path, tmp_path / "r.json", **{name: 1})
