"""Shipped assets: where they lie, whether they are intact, and how they are read.

An asset is a file under `monoface/assets` with a model card beside it (`NAME.card.json`) and a line in
`manifest.json` that holds its SHA-256. A file is verified the first time a process asks for it.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from monoface.core.errors import AssetError

ASSET_FOLDER = Path(__file__).parent.parent / "assets"
_MANIFEST_NAME = "manifest.json"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def asset_path(filename: str) -> Path:
    """Path of a shipped asset, after its bytes were compared with the manifest.

    Raises:
        AssetError: If the asset is unknown, missing, or differs from the manifest.
    """
    expected = asset_sha256(filename)
    path = ASSET_FOLDER / filename
    if not path.is_file():
        raise AssetError(f"asset {filename}: expected a file in the package, found none. Reinstall monoface.")
    got = sha256_of(path)
    if got != expected:
        raise AssetError(
            f"asset {filename}: expected SHA-256 {expected[:12]}…, got {got[:12]}…. "
            "The file was changed or damaged; reinstall monoface."
        )
    return path


def asset_sha256(filename: str) -> str:
    """SHA-256 that the manifest states for an asset.

    Raises:
        AssetError: If the manifest does not list the asset.
    """
    manifest = _read_manifest(ASSET_FOLDER)
    if filename not in manifest:
        known = ", ".join(sorted(manifest)) or "none"
        raise AssetError(f"asset {filename}: not in the manifest. Shipped assets: {known}.")
    return manifest[filename]


def asset_names(suffix: str = "") -> tuple[str, ...]:
    """Names of the shipped assets whose file name ends with `suffix`, sorted."""
    return tuple(sorted(name for name in _read_manifest(ASSET_FOLDER) if name.endswith(suffix)))


def register_asset(path: Path, card: dict[str, Any]) -> None:
    """Write the card of a newly made asset beside it and its hash into the folder's manifest.

    Args:
        path: The asset, in its final place.
        card: What the model card says; must at least hold `terms` and `data`.

    Raises:
        AssetError: If the file is missing, or the card lacks its terms or data.
    """
    if not path.is_file():
        raise AssetError(f"asset {path.name}: expected a file to register, found none.")
    missing = {"terms", "data"} - card.keys()
    if missing:
        raise AssetError(f"model card of {path.name}: lacks {', '.join(sorted(missing))}.")

    card_path = path.with_name(f"{path.stem}.card.json")
    card_path.write_text(json.dumps(card, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    manifest = _read_manifest(path.parent) | {path.name: sha256_of(path)}
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    (path.parent / _MANIFEST_NAME).write_text(text, encoding="utf-8")
    asset_path.cache_clear()


def _read_manifest(folder: Path) -> dict[str, str]:
    path = folder / _MANIFEST_NAME
    if not path.is_file():
        return {}
    manifest: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return manifest
