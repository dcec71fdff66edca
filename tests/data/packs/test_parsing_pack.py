"""Packs of masks."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from monoface.core.errors import DataError
from monoface.data.packs.parsing_pack import ParsingPack
from monoface.data.packs.photo_pack import CANVAS_PX


@pytest.fixture
def pack():
    rng = np.random.default_rng(2)
    canvases = rng.integers(0, 256, (2, CANVAS_PX, CANVAS_PX, 3), dtype=np.uint8)
    return ParsingPack("some", canvases, rng.integers(0, 7, (2, CANVAS_PX, CANVAS_PX), dtype=np.uint8))


def test_a_pack_comes_back_from_its_folder(pack, tmp_path):
    pack.save(tmp_path / "some", "recipe")
    back = ParsingPack.load(tmp_path / "some", "recipe")
    assert back.name == "some"
    assert_array_equal(back.canvases, pack.canvases)
    assert_array_equal(back.masks, pack.masks)


def test_other_recipes_and_unfinished_packs_are_refused(pack, tmp_path):
    pack.save(tmp_path, "recipe")
    with pytest.raises(DataError, match="another recipe"):
        ParsingPack.load(tmp_path, "other")
    np.save(tmp_path / "masks.npy", pack.masks[:1])
    with pytest.raises(DataError):
        ParsingPack.load(tmp_path, "recipe")
    (tmp_path / "masks.npy").write_bytes(b"")
    with pytest.raises(DataError, match="damaged"):
        ParsingPack.load(tmp_path, "recipe")
