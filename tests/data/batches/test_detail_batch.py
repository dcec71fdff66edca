import json

import numpy as np
import pytest
import torch

from monoface.core.errors import ConfigError, DataError
from monoface.data.batches.detail_batch import DetailBatchMaker, PicturedDetailBatch
from monoface.data.packs.detail_pack import DetailPack

SIZE, VERTS = 8, 5


def make_pack(faces, lights, *, known, seed=0, picture_px=0):
    rng = np.random.default_rng(seed)
    height = rng.normal(0, 0.1, (faces, SIZE, SIZE)).astype(np.float16)
    unknown = np.full_like(height, np.nan)
    return DetailPack(
        photo=rng.integers(0, 256, (faces, SIZE, SIZE, 3), dtype=np.uint8),
        seen=rng.integers(0, 256, (faces, SIZE, SIZE), dtype=np.uint8),
        verts_camera=rng.normal(size=(faces, VERTS, 3)).astype(np.float32),
        rotation=np.repeat(np.eye(3, dtype=np.float32)[None], faces, axis=0),
        albedo=rng.normal(size=(faces, 2)).astype(np.float32),
        light=rng.normal(size=(faces, 9, 3)).astype(np.float32),
        height_mm=height if known else unknown,
        paint=height if known else unknown,
        maps=rng.normal(size=(faces, 7, SIZE, SIZE)).astype(np.float16),
        head=np.arange(faces) // lights,
        picture=rng.integers(0, 256, (faces, picture_px, picture_px, 3), np.uint8) if picture_px else None,
        camera=rng.normal(size=(faces, 3)).astype(np.float32) if picture_px else None,
    )


@pytest.fixture
def maker():
    heads = [make_pack(4, 2, known=True), make_pack(2, 2, known=True, seed=1)]
    return DetailBatchMaker(heads, [make_pack(3, 1, known=False)], 0.25)


def test_saved_packs_come_back(tmp_path):
    pack = make_pack(4, 2, known=True)
    pack.save(tmp_path / "pack", "r")
    loaded = DetailPack.load(tmp_path / "pack")
    np.testing.assert_array_equal(loaded.maps, pack.maps)
    assert len(loaded) == 4


def test_packs_of_another_recipe_are_refused(tmp_path):
    pack = make_pack(4, 2, known=True)
    pack.save(tmp_path / "pack", "one")
    assert len(DetailPack.load(tmp_path / "pack", "one")) == 4
    with pytest.raises(DataError, match="made by another recipe; delete the folder to make it anew"):
        DetailPack.load(tmp_path / "pack", "other")


def test_packs_of_the_first_version_load_but_pass_for_no_recipe(tmp_path):
    make_pack(4, 2, known=True).save(tmp_path / "pack", "r")
    header = tmp_path / "pack" / "pack.json"
    header.write_text(json.dumps({"format": "monoface-detail-pack-1", "faces": 4}))
    assert len(DetailPack.load(tmp_path / "pack")) == 4
    with pytest.raises(DataError, match="a version that does not say how; delete the folder"):
        DetailPack.load(tmp_path / "pack", "r")


def test_pictures_come_back_and_packs_may_be_without(tmp_path):
    pack = make_pack(4, 2, known=True, picture_px=6)
    pack.save(tmp_path / "pack", "r")
    np.testing.assert_array_equal(DetailPack.load(tmp_path / "pack").picture, pack.picture)
    # Pictures of a pack that was there before do not become those of another one.
    make_pack(4, 2, known=True).save(tmp_path / "pack", "r")
    assert DetailPack.load(tmp_path / "pack").picture is None


def test_batches_have_pictures_if_all_their_packs_have():
    heads, photos = make_pack(4, 2, known=True, picture_px=6), make_pack(2, 1, known=False, picture_px=6)
    batch = DetailBatchMaker([heads], [photos], 0.5).sample(0, 0, 4)
    assert isinstance(batch, PicturedDetailBatch)
    assert batch.picture.shape == (4, 3, 6, 6)
    assert float(batch.picture.max()) <= 1
    assert isinstance(batch.to(torch.device("cpu")), PicturedDetailBatch)
    mixed = DetailBatchMaker([heads], [make_pack(2, 1, known=False)], 0.5).sample(0, 0, 4)
    assert not isinstance(mixed, PicturedDetailBatch)


def test_unfinished_packs_are_refused(tmp_path):
    with pytest.raises(DataError, match="expected a finished pack"):
        DetailPack.load(tmp_path)


def test_batches_hold_pairs_and_photos(maker):
    batch = maker.sample(0, 5, 8)
    assert batch.twin.tolist() == [1, 0, 3, 2, 5, 4, 6, 7]
    assert batch.known.tolist() == [True] * 6 + [False] * 2
    assert not batch.height_mm[6].any()
    assert batch.photo.shape == (8, 3, SIZE, SIZE)


def test_pairs_share_donor_graft_and_turn_and_photos_get_some_of_a_head(maker):
    drawn = [maker.sample(0, step, 8) for step in range(30)]
    for batch in drawn:
        for values in (batch.donor, batch.graft, batch.mirrored):
            assert torch.equal(values[0:6:2], values[1:6:2])
        assert (batch.graft[6:] >= 0.4).all()
        assert (batch.donor < 6).all()
    grafted = torch.cat([batch.graft[:6] for batch in drawn]) > 0
    turned = torch.cat([batch.mirrored for batch in drawn]).float()
    assert 0.1 < float(grafted.float().mean()) < 0.5
    assert 0.3 < float(turned.mean()) < 0.7


def test_equal_steps_give_equal_batches_and_parts_are_those_of_the_whole(maker):
    whole, part = maker.sample(1, 2, 8), maker.sample(1, 2, 8, slice(3, 6))
    assert torch.equal(part.maps, whole.maps[3:6])
    # The twin of the first row is in another part.
    assert part.twin.tolist() == [0, 2, 1]
    # So may be its donor: then nothing is added.
    assert (part.donor < 3).all()
    outside = ~torch.isin(whole.donor[3:6], torch.arange(3, 6))
    assert not part.graft[outside].any()
    assert torch.equal(maker.sample(1, 2, 8).maps, whole.maps)
    assert not torch.equal(maker.sample(1, 3, 8).maps, whole.maps)


def test_shares_of_what_is_missing_are_refused():
    with pytest.raises(ConfigError, match="got none"):
        DetailBatchMaker([make_pack(2, 2, known=True)], (), 0.5)


def test_heads_under_one_light_are_refused():
    with pytest.raises(DataError, match="under two lights"):
        DetailBatchMaker([make_pack(2, 1, known=True)], (), 0.0)
