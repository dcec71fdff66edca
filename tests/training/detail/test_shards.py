import json
from dataclasses import replace

import numpy as np
import pytest

from monoface.core.errors import ConfigError
from monoface.data.packs.detail_pack import DetailPack
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadsConfig
from monoface.methods.detail import DetailConfig
from monoface.networks import TranslatorConfig
from monoface.training.detail import shards as detail_shards
from monoface.training.detail.shards import sampled_packs

DRAWING = WrinkledHeadsConfig(picture_px=64, texture_px=64)
METHOD = DetailConfig(translator=TranslatorConfig(9, (3, 4, 5), 2), texture_px=64)


def test_several_processes_draw_what_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(detail_shards, "_SHARD", 1)
    one, several = (
        sampled_packs(DRAWING, 2, METHOD, tmp_path / str(workers), workers, lambda line: None)
        for workers in (1, 2)
    )
    assert [len(pack) for pack in one] == [2, 2]
    for first, second in zip(one, several, strict=True):
        np.testing.assert_array_equal(first.head, second.head)
        np.testing.assert_array_equal(first.height_mm, second.height_mm)
        # Threads may sum in another order.
        np.testing.assert_allclose(first.maps, second.maps, atol=0.02)
    # The heads differ.
    assert (one[0].height_mm != one[1].height_mm).any()


def test_no_workers_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="workers: expected at least 1"):
        sampled_packs(DRAWING, 2, METHOD, tmp_path, 0, lambda line: None)


@pytest.fixture
def drawn(monkeypatch):
    """Heads that were drawn, by number, while others stand in for them."""
    drawn = []

    def pack(painter, indices, method):
        drawn.extend(indices)
        count, size = 2 * len(indices), 4
        square = np.zeros((count, size, size), np.float16)
        return DetailPack(
            photo=np.zeros((count, size, size, 3), np.uint8),
            seen=np.zeros((count, size, size), np.uint8),
            verts_camera=np.zeros((count, 5, 3), np.float32),
            rotation=np.zeros((count, 3, 3), np.float32),
            albedo=np.zeros((count, 2), np.float32),
            light=np.zeros((count, 9, 3), np.float32),
            height_mm=square,
            paint=square,
            maps=np.zeros((count, 7, size, size), np.float16),
            head=np.repeat(np.array(indices), 2),
        )

    monkeypatch.setattr(detail_shards, "_SHARD", 2)
    monkeypatch.setattr(detail_shards, "heads_pack", pack)
    monkeypatch.setattr(detail_shards, "WrinkledHeadPainter", lambda model, drawing: None)
    return drawn


def test_finished_shards_are_kept_while_nothing_changes_them(drawn, tmp_path):
    for _ in range(2):
        sampled_packs(DRAWING, 3, METHOD, tmp_path, 1, lambda line: None)
    assert drawn == [0, 1, 2]
    # Weights of losses say nothing about packs.
    sampled_packs(DRAWING, 3, replace(METHOD, size_weight=0.5), tmp_path, 1, lambda line: None)
    assert drawn == [0, 1, 2]
    # Of more heads only those are drawn that are not there; the last shard was not full.
    packs = sampled_packs(DRAWING, 4, METHOD, tmp_path, 1, lambda line: None)
    assert drawn == [0, 1, 2, 2, 3]
    assert [len(pack) for pack in packs] == [4, 4]


@pytest.mark.parametrize(
    ("drawing", "method"), [({"noise": 0.5}, {}), ({"seed": 4}, {}), ({}, {"texture_px": 32})]
)
def test_a_changed_configuration_does_not_train_on_old_packs(drawn, tmp_path, drawing, method):
    sampled_packs(DRAWING, 2, METHOD, tmp_path, 1, lambda line: None)
    lines = []
    sampled_packs(replace(DRAWING, **drawing), 2, replace(METHOD, **method), tmp_path, 1, lines.append)
    assert drawn == [0, 1, 0, 1]
    assert "1 shards of another recipe or an earlier version are drawn anew" in lines[0]


def test_shards_of_the_first_version_are_drawn_anew(drawn, tmp_path):
    sampled_packs(DRAWING, 2, METHOD, tmp_path, 1, lambda line: None)
    header = tmp_path / "00000" / "pack.json"
    header.write_text(json.dumps({"format": "monoface-detail-pack-1", "faces": 4}))
    sampled_packs(DRAWING, 2, METHOD, tmp_path, 1, lambda line: None)
    assert drawn == [0, 1, 0, 1]
