"""Shipped assets: verified, with their cards, and refused when changed."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from shipped_cards import load_card

from monoface.core import assets
from monoface.core.errors import AssetError, MonofaceError

CARD = {"terms": "CC0", "data": "made up"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An asset folder with one asset."""
    monkeypatch.setattr(assets, "ASSET_FOLDER", tmp_path)
    assets.asset_path.cache_clear()
    save_file({"a": torch.arange(3.0)}, tmp_path / "small.safetensors")
    assets.register_asset(tmp_path / "small.safetensors", CARD)
    yield tmp_path
    assets.asset_path.cache_clear()


def test_a_hash_by_hand(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert assets.sha256_of(tmp_path / "abc") == expected


def test_a_registered_asset_is_found_with_its_card(folder):
    assert assets.asset_path("small.safetensors") == folder / "small.safetensors"
    assert torch.equal(load_file(assets.asset_path("small.safetensors"))["a"], torch.arange(3.0))
    assert json.loads((folder / "small.card.json").read_text()) == CARD
    assert assets.asset_sha256("small.safetensors") == assets.sha256_of(folder / "small.safetensors")


def test_names_are_listed_by_suffix(folder):
    (folder / "net.onnx").write_bytes(b"net")
    assets.register_asset(folder / "net.onnx", CARD)
    assert assets.asset_names() == ("net.onnx", "small.safetensors")
    assert assets.asset_names(".onnx") == ("net.onnx",)


def test_registering_anew_replaces_the_hash(folder):
    save_file({"a": torch.zeros(2)}, folder / "small.safetensors")
    assets.register_asset(folder / "small.safetensors", CARD)
    assert torch.equal(load_file(assets.asset_path("small.safetensors"))["a"], torch.zeros(2))


def test_unknown_assets_are_refused(folder):
    with pytest.raises(AssetError, match=r"not in the manifest\. Shipped assets: small\.safetensors"):
        assets.asset_path("other.safetensors")


def test_missing_files_are_refused(folder):
    (folder / "small.safetensors").unlink()
    with pytest.raises(AssetError, match="expected a file in the package, found none"):
        assets.asset_path("small.safetensors")


def test_changed_files_are_refused(folder):
    content = bytearray((folder / "small.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "small.safetensors").write_bytes(content)
    with pytest.raises(AssetError, match=r"expected SHA-256 .*reinstall monoface"):
        assets.asset_path("small.safetensors")


def test_cards_without_terms_are_refused(folder):
    with pytest.raises(AssetError, match="lacks terms"):
        assets.register_asset(folder / "small.safetensors", {"data": "made up"})


def test_nothing_to_register_is_refused(folder):
    with pytest.raises(AssetError, match="found none"):
        assets.register_asset(folder / "nothing.onnx", CARD)


def test_all_errors_have_one_base():
    from monoface.core import errors

    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(classes) > 5
    assert all(issubclass(one, MonofaceError) for one in classes)


def test_the_shipped_manifest_and_the_shipped_files_agree():
    names = assets.asset_names()
    listed = json.loads((assets.ASSET_FOLDER / "manifest.json").read_text())
    assert set(names) == set(listed)
    for name in names:
        assert assets.asset_path(name).is_file()
        assert {"terms", "data"} <= load_card(name.rsplit(".", 1)[0]).keys()
