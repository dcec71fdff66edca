"""Import every module of the installed monoface, with what a plain `pip install monoface` brings.

    python tools/check_imports.py

A module may miss a package that an extra brings if it belongs to a room that says so below, and no other may.
Exits with 1, and names them, if one does.
"""

import importlib
import sys
from pathlib import Path

NEEDS_EXTRAS = (
    "monoface.training",
    "monoface.evaluation",
    "monoface.modelling",
    "monoface.serving",
    "monoface.cli",
)
"""Rooms whose modules need `[train]`, `[eval]`, `[facemodel]` or `[serve]`; commands load them on demand."""

WITHOUT_TORCH = (
    "monoface",
    "monoface.detection",
    "monoface.export",
    "monoface.facemodel",
    "monoface.networks",
    "monoface.photos",
    "monoface.pipeline.reconstructor",
    "monoface.pipeline.writing.save",
    "monoface.regression",
    "monoface.render",
    "monoface.texturing.merging",
    "monoface.texturing.skin",
)
"""Modules that, with all that they import, must do without PyTorch; others may need `[train]`."""

NEEDS_COMPILER_FOR_GPUS = ("monoface.raster._triton.",)
"""Modules for CUDA alone; PyTorch's builds for CUDA bring triton."""


def modules_that_fail() -> list[str]:
    """Modules that cannot be imported and should, with the reason."""
    import monoface

    failed = []
    package = Path(monoface.__file__).parent
    names = [
        ".".join(("monoface", *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        for path in sorted(package.rglob("*.py"))
    ]
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            excused = name.startswith((*NEEDS_EXTRAS, *NEEDS_COMPILER_FOR_GPUS))
            if missing == "torch":
                excused = name not in WITHOUT_TORCH
            if missing == "monoface" or not excused:
                failed.append(f"{name}: {error}")
    print(f"{len(names)} modules, {len(failed)} that fail")
    return failed


if __name__ == "__main__":
    lines = modules_that_fail()
    print("\n".join(lines))
    sys.exit(bool(lines))
