import numpy as np
import pytest

from monoface.core.errors import ConfigError
from monoface.data.synthetic.wrinkled_heads import WrinkledHeadsConfig
from monoface.methods.detail import DetailConfig
from monoface.networks import TranslatorConfig
from monoface.training.detail import shards as detail_shards
from monoface.training.detail.shards import drawn_packs

DRAWING = WrinkledHeadsConfig(picture_px=64, texture_px=64)
METHOD = DetailConfig(translator=TranslatorConfig(9, (3, 4, 5), 2), texture_px=64)


def test_several_processes_draw_what_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(detail_shards, "_SHARD", 1)
    one, several = (
        drawn_packs(DRAWING, 2, METHOD, tmp_path / str(workers), workers, lambda line: None)
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
        drawn_packs(DRAWING, 2, METHOD, tmp_path, 0, lambda line: None)
