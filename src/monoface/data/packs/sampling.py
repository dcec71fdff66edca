"""Which samples a batch takes from packs that share it."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from monoface.core.errors import ConfigError, DataError


@runtime_checkable
class Named(Protocol):
    """A pack of any kind, as far as shares are concerned."""

    @property
    def name(self) -> str:
        """What its samples are."""
        ...

    def __len__(self) -> int: ...


class PackSampler:
    """Draws samples of packs by their shares; within a pack all are equally likely.

    Args:
        packs: Packs of one name are parts of one, which divide its share by their sizes.
        shares: How much of a batch comes from each pack, by name; normalised.

    Raises:
        ConfigError: If a share names no pack, or no share is positive.
        DataError: If a pack has a share but no sample.
    """

    def __init__(self, packs: Sequence[Named], shares: Mapping[str, float]) -> None:
        self._sizes = [len(pack) for pack in packs]
        self.weights = _weights(packs, shares)
        self._cumulative = np.cumsum(self.weights / self.weights.sum())

    def sample(
        self, rng: np.random.Generator, batch: int
    ) -> tuple[Int[np.ndarray, " batch"], Int[np.ndarray, " batch"]]:
        """The pack of each sample, and its place in the pack."""
        last = len(self._cumulative) - 1
        chosen = np.minimum(np.searchsorted(self._cumulative, rng.random(batch)), last)
        return chosen, np.array([rng.integers(self._sizes[number]) for number in chosen])


def _weights(packs: Sequence[Named], shares: Mapping[str, float]) -> Float[np.ndarray, " packs"]:
    """How much of a batch comes from each pack."""
    sizes: dict[str, int] = {}
    for pack in packs:
        sizes[pack.name] = sizes.get(pack.name, 0) + len(pack)
    if unknown := shares.keys() - sizes.keys():
        raise ConfigError(f"shares: no pack is called {', '.join(sorted(unknown))}; there are {list(sizes)}.")
    if not any(share > 0 for share in shares.values()):
        raise ConfigError("shares: expected a positive share for at least one pack, got none.")
    for name, share in shares.items():
        if share > 0 and sizes[name] == 0:
            raise DataError(f"pack {name}: expected at least one sample, got none: drop its share.")
    return np.array([shares.get(pack.name, 0.0) * (len(pack) / max(1, sizes[pack.name])) for pack in packs])
