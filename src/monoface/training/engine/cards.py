"""What the cards of all trainings say: what was learned from, and under which terms that may be used."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from monoface.core.assets import sha256_of
from monoface.data.sources.registry import HEADS, is_restricted, terms_by_source
from monoface.networks.weights_arrays import asset_or_path

_OFFERED = "The weights are offered for research and non-commercial use."


def data_and_terms(seen: Mapping[str, str], init: str | Path | None = None) -> dict[str, str]:
    """The entries `data` and `terms` of a card: the sources that a run saw, and no others.

    Args:
        seen: By the names of the packs that batches were drawn from, the terms that they state; see
            `terms_by_source`.
        init: Weights that the run began with, shipped ones or a file: their card's terms hold as well.

    Returns:
        `data` names the sources, `terms` has a sentence or more of each.
    """
    sources = terms_by_source(seen)
    photos = [name for name in sources if name != HEADS]
    data = [f"photos of {', '.join(photos)}"] if photos else []
    data += ["synthetic heads"] if HEADS in sources else []
    terms = list(dict.fromkeys(sources.values()))
    if init is not None:
        data.append(f"began with the weights {Path(init).name}")
        terms.append(_terms_of_weights(init))
    said = " ".join(terms)
    if is_restricted(said) and _OFFERED.lower() not in said.lower():
        said = f"{said} {_OFFERED}"
    return {"data": "; ".join(data), "terms": said}


def named_file(path: Path) -> dict[str, str]:
    """Which file it is, for a card, without the folder, which is the user's own."""
    return {"name": path.name, "sha256": sha256_of(path)}


def recorded_config(config: Any) -> dict[str, Any]:
    """A configuration, a dataclass, as JSON values for a card; of paths the last part alone.

    Folders are the user's own, and say nothing about the weights.
    """
    return {one.name: _json_value(getattr(config, one.name)) for one in fields(config)}


def _json_value(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return recorded_config(value)
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Mapping):
        return {str(_json_value(key)): _json_value(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(one) for one in value]
    return value


def _terms_of_weights(init: str | Path) -> str:
    path = asset_or_path(init)
    card = path.with_name(f"{path.stem}.card.json")
    stated = json.loads(card.read_text(encoding="utf-8")).get("terms", "") if card.is_file() else ""
    return f"Began with {path.name}: {stated or 'its terms are not stated beside it.'}"
