"""The run-time type checker of the tests: beartype, less what it cannot check."""

import types
import typing
from collections.abc import Callable, Iterator

from beartype import BeartypeConf, FrozenDict, beartype

_Function = typing.TypeVar("_Function", bound=Callable[..., object])


def _parts(hint: object) -> Iterator[object]:
    """An annotation and all that it is made of."""
    yield hint
    for argument in typing.get_args(hint):
        yield from _parts(argument)


def _is_uncheckable(hint: object) -> bool:
    """Whether it is a protocol of static checkers only, or a union with one of them.

    Beartype takes a union that may be anything as an error where only its member does not say so itself.
    """
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(map(_is_uncheckable, typing.get_args(hint)))
    return getattr(hint, "_is_protocol", False) and not getattr(hint, "_is_runtime_protocol", False)


def check_types(function: _Function) -> _Function:
    """Check a function's arguments and result; as type checkers have it, an int may stand for a float."""
    parts = [part for hint in function.__annotations__.values() for part in _parts(hint)]
    unchecked = dict.fromkeys([typing.Self, *filter(_is_uncheckable, parts)], typing.Any)
    conf = BeartypeConf(is_pep484_tower=True, hint_overrides=FrozenDict(unchecked))
    return beartype(conf=conf)(function)
