"""`monoface export`: networks and face model for other programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from monoface.cli.console.progress import make_folder
from monoface.pipeline.exporting.bundle import export_bundle


@dataclass(frozen=True)
class ExportArguments:
    """Write the networks as ONNX files and the face model as arrays, for programs without monoface.

    reference.py, which needs numpy and ONNX Runtime alone, turns the crop of a face into a mesh. The metadata
    of regressor.onnx say what goes in and what comes out; TERMS.json says under which terms each file may be
    used.
    """

    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="DIR")]]
    """Where the files go; it is made if it does not exist."""
    weights: str = "monoface"
    """Regressor: the name of shipped weights, or the path of a .safetensors file."""
    face_model: Path | None = None
    """File of the face model that the weights were trained with; the shipped one by default."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace files of the same names."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(ExportArguments, prog="monoface export", args=list(arguments))
    make_folder(chosen.folder)
    for path in export_bundle(chosen.folder, chosen.weights, chosen.face_model, overwrite=chosen.overwrite):
        print(path)
    return 0
