"""Cards of shipped assets."""

import json

from monoface.core.assets import ASSET_FOLDER


def load_card(name):
    """The model card of the asset `name` (without suffix): data, terms, config, metrics."""
    return json.loads((ASSET_FOLDER / f"{name}.card.json").read_text(encoding="utf-8"))
