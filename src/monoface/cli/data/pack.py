"""`monoface data pack SOURCE --from DIR --out DIR`: a public data set becomes a source pack."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from monoface.cli.console.live import showing_progress
from monoface.data.packing.original_photo import PackConfig
from monoface.data.packing.registry import pack_source, terms_of

Source = Literal["aflw", "aflw2000", "ytf", "lfw", "cfp", "fasseg", "omi", "portraits_cc0", "merl_rav"]


@dataclass(frozen=True)
class PackArguments:
    """Make the source pack of a public data set from its original layout.

    A pack is images-N.tar and labels.npz; recipes look for it in a folder of the source's name. `merl_rav`
    adds its points to a packed aflw. docs/data.md describes the layouts, terms and addresses.

    Photos and clips that cannot be read are left out, with a line each.

    Exit code: 0 packed, 2 usage error, damaged annotations or no photo that can be read.
    """

    source: tyro.conf.Positional[Annotated[Source, tyro.conf.arg(metavar="SOURCE")]]
    """Which data set."""
    folder: Annotated[Path, tyro.conf.arg(name="from", metavar="DIR")]
    """The data set, as its authors distribute it."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder of the pack; for merl_rav that of the packed aflw."""
    config: Annotated[PackConfig, tyro.conf.arg(name="")] = field(default_factory=PackConfig)
    """What of it."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(PackArguments, prog="monoface data pack", args=list(arguments))
    with showing_progress(f"packing {chosen.source}"):
        count = pack_source(chosen.source, chosen.folder, chosen.out, chosen.config)
    print(f"{chosen.out}: {count} photos of {chosen.source}. Terms of the source: {terms_of(chosen.source)}")
    return 0
