"""Shares of packs in a batch, checked before any pack is made."""

from collections.abc import Mapping

from monoface.core.errors import ConfigError
from monoface.data.preparing.prepared import TURNED, PreparedFolder
from monoface.data.recipes.photo_recipe import RecipeConfig


def check_shares(shares: Mapping[str, float], config: RecipeConfig) -> None:
    """Refuse shares of packs that no recipe makes, and prepared photos without any share.

    Raises:
        ConfigError: If there are some.
    """
    prepared = {PreparedFolder(path).name for path in config.prepared}
    sources = {*RecipeConfig().sources, *config.sources}
    known = {
        "heads",
        *(f"{name}{kind}" for name in sources for kind in ("", "_aside", TURNED)),
        *(f"{name}{kind}" for name in prepared for kind in ("", TURNED)),
    }
    if unknown := shares.keys() - known:
        raise ConfigError(
            f"shares: expected names of packs, got {', '.join(sorted(unknown))}. "
            f"There are: {', '.join(sorted(known))}."
        )
    if unused := {name for name in prepared if not {name, name + TURNED} & shares.keys()}:
        raise ConfigError(
            f"shares: expected shares of all prepared photos, got none of {', '.join(sorted(unused))}. "
            "Give them one, or leave them out."
        )
