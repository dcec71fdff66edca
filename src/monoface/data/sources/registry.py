"""The sources of photos: for each its reader, its terms, and who of it is kept for validation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from monoface.core.errors import DataError
from monoface.data.sources.aflw import Aflw
from monoface.data.sources.cfp import TERMS as CFP_TERMS
from monoface.data.sources.cfp import VALIDATION_PEOPLE, Cfp
from monoface.data.sources.fasseg import FRONTAL_SET, Fasseg
from monoface.data.sources.lfw import Lfw
from monoface.data.sources.merl_rav import TERMS as MERL_RAV_TERMS
from monoface.data.sources.merl_rav import MerlRav
from monoface.data.sources.source import PhotoSource
from monoface.data.sources.unlabelled import Omi, PortraitsCc0
from monoface.data.sources.ytf import Ytf

HEADS = "heads"
"""What packs of synthetic heads are called."""
HEADS_TERMS = "Synthetic heads: no photo of anybody."
OWN_TERMS = "The user's own photos."

# What packs of one source have behind its name: its photos turned, those that look aside, a second round.
_KINDS = ("_turned", "_aside")


def held_out_aflw(aflw: Aflw, number: int = 0) -> Bool[np.ndarray, " photos"]:
    """The source's own validation part."""
    return np.array([split == "val" for split in aflw.splits], dtype=bool)


def held_out_ytf(ytf: Ytf, every: int) -> Bool[np.ndarray, " photos"]:
    """Photos of every n-th person, beginning with the first."""
    people = np.unique(ytf.person)
    held_out: np.ndarray = np.isin(ytf.person, people[::every])
    return held_out


def held_out_cfp(cfp: Cfp, number: int = 0) -> Bool[np.ndarray, " photos"]:
    """Photos of the people whom the evaluation of profiles uses."""
    held_out: np.ndarray = np.isin(cfp.person, list(VALIDATION_PEOPLE))
    return held_out


def held_out_fasseg(fasseg: Fasseg, people: int) -> Bool[np.ndarray, " photos"]:
    """Photos of the last so many people of the series over yaw."""
    everyone = np.unique(fasseg.person[fasseg.person != FRONTAL_SET])
    held_out: np.ndarray = np.isin(fasseg.person, everyone[len(everyone) - people :])
    return held_out


def held_out_nobody(source: PhotoSource[Any], number: int = 0) -> Bool[np.ndarray, " photos"]:
    """No photo at all: nothing is validated on this source."""
    return np.zeros(len(source), dtype=bool)


@dataclass(frozen=True)
class SourceEntry:
    """A source as the table has it.

    Attributes:
        read: Opens its folder.
        terms: Under which terms its photos, or what was marked in them, may be used: a sentence for cards.
        held_out: Which of its photos are validation, given how many people are kept (see the functions).
        free: Whether the terms allow any use.
    """

    read: Callable[[Path], PhotoSource[Any]]
    terms: str
    held_out: Callable[[Any, int], Bool[np.ndarray, " photos"]] = held_out_nobody
    free: bool = False


SOURCES: dict[str, SourceEntry] = {
    "aflw": SourceEntry(
        Aflw,
        "AFLW (Koestinger et al., ICCV workshops 2011): research, non-commercial.",
        held_out_aflw,
    ),
    "cfp": SourceEntry(Cfp, CFP_TERMS, held_out_cfp),
    "fasseg": SourceEntry(Fasseg, "FASSEG (Benini et al. 2019): research, cite.", held_out_fasseg),
    "lfw": SourceEntry(Lfw, "Labeled Faces in the Wild: research use."),
    "merl_rav": SourceEntry(MerlRav, MERL_RAV_TERMS),
    "omi": SourceEntry(Omi, "One Million Impressions, generated faces: CC BY-NC-SA 4.0."),
    "portraits_cc0": SourceEntry(PortraitsCc0, "Generated portraits: CC0.", free=True),
    "ytf": SourceEntry(Ytf, "YouTube Faces (Wolf et al., CVPR 2011): research use.", held_out_ytf),
}
"""Sources by the name of their folder."""


def open_source(name: str, folder: Path, known: tuple[str, ...] = tuple(SOURCES)) -> PhotoSource[Any]:
    """A source by its name.

    Args:
        name: Of the source.
        folder: Where it lies.
        known: The sources that are of use here.

    Raises:
        DataError: If it is not among the known ones, or cannot be read.
    """
    if name not in known:
        raise DataError(f"source {name}: expected one of {', '.join(known)}.")
    return SOURCES[name].read(folder)


def source_of(pack: str) -> str:
    """The source that a pack is of, by the pack's name."""
    for kind in _KINDS:
        pack = pack.removesuffix(kind)
    return pack


def own_terms(name: str) -> str:
    """What a card says of a user's own photos of which no terms are stated."""
    return f"Photos of the user's own ({name}), for which no terms are stated."


def terms_by_source(packs: Mapping[str, str]) -> dict[str, str]:
    """Terms of the sources that packs are of.

    Args:
        packs: By the packs' names, the terms that they state; empty where they state none, as those of
            earlier versions.

    Returns:
        By the sources' names: what is stated, else what the table has, else that nothing is stated.
    """
    found: dict[str, str] = {}
    for pack, stated in packs.items():
        name = source_of(pack)
        known = SOURCES[name].terms if name in SOURCES else HEADS_TERMS if name == HEADS else own_terms(name)
        terms = stated or known
        # Packs of one source usually say the same.
        found[name] = terms if found.get(name) in (None, terms) else f"{found[name]} {terms}"
    return found


def is_restricted(terms: str) -> bool:
    """Whether terms are, or contain, those of a source of the table that does not allow any use."""
    return any(entry.terms in terms for entry in SOURCES.values() if not entry.free)
