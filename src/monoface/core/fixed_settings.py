"""Settings that nothing varies any more: constants of a configuration that still identify what it made.

    class LabelConfig:
        min_score: float = 0.6
        min_annotated: ClassVar[int] = 7

They are no options and no arguments, but recipes of packs hold them as they did when they were fields, so
that packs which were made then are those of the same recipe.
"""

import dataclasses
import inspect
import typing
from collections.abc import Mapping
from typing import Any, ClassVar


def fixed_settings(config_type: type[Any]) -> dict[str, Any]:
    """Fixed settings of a configuration by name: class variables whose names are no constants' names."""
    return {
        name: getattr(config_type, name)
        for base in reversed(config_type.__mro__)
        for name, hint in inspect.get_annotations(base).items()
        if ClassVar in (hint, typing.get_origin(hint)) and name.islower() and not name.startswith("_")
    }


def whole_config(config: Any) -> dict[str, Any]:
    """Fields of a configuration and what is fixed of it, and likewise of configurations in it.

    Args:
        config: An instance of a dataclass.
    """
    names = (field.name for field in dataclasses.fields(config))
    values = {name: getattr(config, name) for name in names} | fixed_settings(type(config))
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return whole_config(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
