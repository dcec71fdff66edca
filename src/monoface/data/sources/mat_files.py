"""Reading MATLAB files of which we know what they must hold; they come from strangers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from monoface.core.errors import DataError

# The files that we read have tens of kilobytes; compressed ones may unfold to a thousand times their size.
_MAX_BYTES = 2**20
_NUMBERS = {"double", "single", "uint8", "int8", "uint16", "int16", "uint32", "int32"}


def read_mat_arrays(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Named arrays of numbers of a MATLAB 4 or 5 file, as float64.

    Names, shapes and kinds are checked in the file's headers first, so that nothing else of it is read or
    decompressed.

    Args:
        path: The file.
        shapes: What each array must look like, by name.

    Raises:
        DataError: If the file is missing, damaged or larger than a megabyte, or lacks an array of the name,
            shape and kind; or if scipy is not installed.
    """
    try:
        from scipy.io import loadmat, whosmat
        from scipy.io.matlab import MatReadError, matfile_version
    except ImportError as error:
        raise DataError(f"{path}: reading .mat files needs scipy. Install monoface[eval].") from error
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"{path}: expected a file of at most {_MAX_BYTES} bytes, got a larger one.")
        if matfile_version(path)[0] > 1:
            raise DataError(
                f"{path}: expected a MATLAB 4 or 5 file, got MATLAB 7.3. Fetch the original files."
            )
        found = {name: shape for name, shape, kind in whosmat(path) if kind in _NUMBERS}
        if any(found.get(name) != shape for name, shape in shapes.items()):
            expected = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
            got = {name: found.get(name) for name in shapes}
            raise DataError(f"{path}: expected {expected}, got {got}.")
        content = loadmat(path, variable_names=list(shapes))
    # scipy stumbles over damaged files in many ways.
    except (MatReadError, OSError, ValueError, TypeError, KeyError, IndexError, MemoryError) as error:
        raise DataError(f"{path}: expected a MATLAB 4 or 5 file, cannot read it ({error}).") from error
    return {name: np.ascontiguousarray(content[name], dtype=np.float64) for name in shapes}
