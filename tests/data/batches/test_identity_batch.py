"""Aligned faces of known people and their batches."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from monoface.core.errors import ConfigError, DataError
from monoface.data.batches.augment import AugmentConfig
from monoface.data.batches.identity_batch import IdentityBatchMaker
from monoface.data.packs.identity_pack import ALIGNED_PX, IdentityFaces, held_out_people


def faces_of(counts, held_out=(), name="lfw"):
    """So many faces of each person, all of one grey value: the person's number."""
    person = np.repeat(np.arange(len(counts)), counts)
    canvases = np.broadcast_to(person[:, None, None, None], (len(person), 160, 160, 3)).astype(np.uint8)
    return IdentityFaces(name, canvases, person, np.arange(len(person)), np.isin(person, held_out))


def test_batches_hold_each_persons_own_faces():
    maker = IdentityBatchMaker([faces_of([2, 3, 1], held_out=[1]), faces_of([4, 2])])
    assert maker.people == 4
    batch = maker.sample(0, 0, 64)
    assert batch.image.shape == (64, 3, ALIGNED_PX, ALIGNED_PX)
    # People 0 and 2 of the first source are 0 and 1, those of the second 2 and 3.
    grey = torch.tensor([0.0, 2.0, 0.0, 1.0])[batch.person] / 255
    assert_close(batch.image, grey[:, None, None, None].expand_as(batch.image))
    assert set(batch.person.tolist()) == {0, 1, 2, 3}


def test_a_batch_depends_on_seed_and_step_alone():
    maker = IdentityBatchMaker([faces_of([5, 5, 5])], augment=AugmentConfig())
    first, again, other = maker.sample(1, 2, 9), maker.sample(1, 2, 9), maker.sample(1, 3, 9)
    assert torch.equal(first.image, again.image)
    assert not torch.equal(first.image, other.image)


def test_parts_are_those_of_the_whole():
    maker = IdentityBatchMaker([faces_of([5, 5]), faces_of([3])], augment=AugmentConfig())
    whole, part = maker.sample(1, 2, 9), maker.sample(1, 2, 9, slice(4, 9))
    assert torch.equal(whole.image[4:], part.image)
    assert torch.equal(whole.person[4:], part.person)


@pytest.mark.parametrize(("balance", "share"), [(1.0, 0.9), (0.5, 0.75), (0.0, 0.5)])
def test_balance_by_hand(balance, share):
    # Nine faces of one person and one of another: 9 to 1, 3 to 1, 1 to 1.
    maker = IdentityBatchMaker([faces_of([9, 1])], balance=balance)
    drawn = torch.cat([maker.sample(0, step, 100).person for step in range(4)])
    assert float((drawn == 0).float().mean()) == pytest.approx(share, abs=0.06)


def test_aligned_faces_are_the_middle_of_their_canvases():
    canvases = np.zeros((1, 160, 160, 3), np.uint8)
    canvases[0, 24, 24] = 7
    faces = IdentityFaces("one", canvases, np.zeros(1, int), np.zeros(1, int), np.zeros(1, bool))
    aligned = faces.aligned(np.array([0]))
    assert aligned.shape == (1, 112, 112, 3)
    assert (aligned[0, 0, 0] == 7).all()


def test_faces_come_back(tmp_path):
    faces = faces_of([2, 1], held_out=[1])
    faces.save(tmp_path / "lfw", "recipe")
    back = IdentityFaces.load(tmp_path / "lfw", "recipe")
    assert (back.name, back.person.tolist(), back.held_out.tolist()) == (
        "lfw",
        [0, 0, 1],
        [False, False, True],
    )
    assert np.array_equal(back.canvases, faces.canvases)


def test_faces_of_another_recipe_and_damaged_ones_are_refused(tmp_path):
    faces_of([2, 1]).save(tmp_path, "recipe")
    with pytest.raises(DataError, match="made by another recipe"):
        IdentityFaces.load(tmp_path, "another")
    (tmp_path / "person.npy").write_bytes(b"")
    with pytest.raises(DataError, match="damaged"):
        IdentityFaces.load(tmp_path, "recipe")


def test_rows_that_do_not_agree_are_refused():
    faces = faces_of([2, 1])
    with pytest.raises(DataError, match="lfw: expected 3 rows in clip, got 1"):
        IdentityFaces("lfw", faces.canvases, faces.person, faces.clip[:1], faces.held_out)


def test_a_single_person_is_refused():
    with pytest.raises(ConfigError, match="at least two people to train on, got 1"):
        IdentityBatchMaker([faces_of([2, 1], held_out=[0])])


def test_held_out_people_hold_those_that_always_are():
    person = np.repeat(np.arange(100, 140), 3)
    always = np.array([100, 110, 120, 130])
    held = held_out_people(person, 0.15, always)
    assert len(held) == 6
    assert set(always) <= set(held)
    assert held_out_people(person, 0.05, always).tolist() == always.tolist()
    assert held.tolist() == held_out_people(person, 0.15, always).tolist()
    assert held.tolist() != held_out_people(person, 0.15, always, seed=1).tolist()
