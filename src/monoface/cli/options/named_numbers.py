"""Numbers by name on the command line: `--shares aflw 0.7 mine 0.3`."""

from collections.abc import Mapping

import tyro
from tyro.constructors import PrimitiveConstructorSpec, PrimitiveTypeInfo

NAMED_NUMBERS = tyro.constructors.ConstructorRegistry()
"""Used as `with NAMED_NUMBERS:` around `tyro.cli`, lets names be given that no default has.

Without it, a dictionary with a default becomes one option for each of the default's names.
"""


@NAMED_NUMBERS.primitive_rule
def named_numbers(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[dict[str, float]] | None:
    """How dictionaries of numbers are read: what is given replaces the whole default."""
    if info.type not in (dict[str, float], Mapping[str, float]):
        return None
    return PrimitiveConstructorSpec(
        nargs="*",
        metavar="NAME FLOAT …",
        instance_from_str=_from_words,
        is_instance=lambda value: isinstance(value, Mapping),
        str_from_instance=lambda value: [word for name in value for word in (name, str(value[name]))],
    )


def _from_words(words: list[str]) -> dict[str, float]:
    names, numbers = words[::2], words[1::2]
    if len(names) != len(numbers) or len(set(names)) != len(names):
        raise ValueError("expected names, each once, each followed by its number")
    return {name: float(number) for name, number in zip(names, numbers, strict=True)}
