"""All data sets that can be packed: how each is read, what its labels are, and its terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from monoface.core.errors import ConfigError
from monoface.data.packing.aflw import read_aflw
from monoface.data.packing.aflw2000 import read_aflw2000
from monoface.data.packing.face_videos import read_ytf
from monoface.data.packing.fasseg import read_fasseg
from monoface.data.packing.merl_rav import pack_merl_rav
from monoface.data.packing.original_photo import PackConfig, ReadOriginal
from monoface.data.packing.pack_writer import write_pack
from monoface.data.packing.people_folders import read_cfp, read_lfw
from monoface.data.packing.photo_folder import read_photo_folder
from monoface.data.sources.fasseg import CLASSES

_Labels = Mapping[str, type[np.generic]]


@dataclass(frozen=True)
class PackedSource:
    """A data set that can be packed.

    Attributes:
        terms: Under which terms it is used, in a sentence.
        read: Reader of its original layout.
        labels: Kinds of the arrays of its labels.
        constants: Arrays of `labels.npz` that do not count the photos.
    """

    terms: str
    read: ReadOriginal
    labels: _Labels = field(default_factory=dict)
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)


PACKED_SOURCES: Mapping[str, PackedSource] = MappingProxyType(
    {
        "aflw": PackedSource(
            "Research use, not commercial; ask its authors for it.",
            read_aflw,
            {"points21_px": np.float32, "split": np.str_, "name": np.str_},
        ),
        "aflw2000": PackedSource(
            "Research use.",
            read_aflw2000,
            {
                "points68_px": np.float32,
                "points68_reannotated_px": np.float32,
                "yaw_deg": np.float32,
                "roi_box": np.float32,
            },
        ),
        "ytf": PackedSource(
            "Research use.", read_ytf, {"points68_px": np.float32, "person": np.int64, "clip": np.str_}
        ),
        "lfw": PackedSource("Research use.", read_lfw, {"person": np.int64}),
        "cfp": PackedSource(
            "Research use.", read_cfp, {"points30_px": np.float32, "person": np.int64, "profile": np.bool_}
        ),
        "fasseg": PackedSource(
            "Research use; cite FASSEG.",
            read_fasseg,
            {"yaw_deg": np.float32, "person": np.int64, "shot": np.int64},
            {"classes": np.array(CLASSES)},
        ),
        "omi": PackedSource("CC BY-NC-SA 4.0.", read_photo_folder(512)),
        "portraits_cc0": PackedSource("CC0, if your portraits are.", read_photo_folder(384)),
    }
)
"""By the name of the folder that recipes look for."""

MERL_RAV = "merl_rav"
MERL_RAV_TERMS = "Research use; cite LUVLi (CVPR 2020), and AFLW's own terms."
SOURCE_NAMES = (*PACKED_SOURCES, MERL_RAV)
"""Sources that `pack_source` knows."""


def pack_source(name: str, folder: Path, out: Path, config: PackConfig) -> int:
    """Pack a data set.

    Args:
        name: One of `SOURCE_NAMES`.
        folder: In the original layout.
        out: Folder of the pack. For `merl_rav` that of AFLW's, which must be there.
        config: What of it.

    Returns:
        How many photos were packed.

    Raises:
        ConfigError: If there is no source of the name.
        DataError: If the folder is not as described, or is damaged.
        ImageError: If a photo is damaged.
        OutputExistsError: If there is a pack already.
    """
    if name == MERL_RAV:
        return pack_merl_rav(folder, out)
    if name not in PACKED_SOURCES:
        raise ConfigError(f"{name}: expected one of {', '.join(SOURCE_NAMES)}.")
    source = PACKED_SOURCES[name]
    return write_pack(
        source.read(folder, config),
        out,
        source.labels,
        constants=source.constants,
        quality=config.quality,
    )


def terms_of(name: str) -> str:
    """Under which terms a source is used."""
    return MERL_RAV_TERMS if name == MERL_RAV else PACKED_SOURCES[name].terms
