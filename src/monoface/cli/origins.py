"""What results of a command are made from: photos by their content, and what was chosen."""

import dataclasses
import hashlib
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monoface.core.assets import sha256_of
from monoface.pipeline import Reconstructor
from monoface.pipeline.writing.json_report import made_with_report
from monoface.pipeline.writing.result_files import Origin

# Larger files hold no photo that is decoded, so they need no digest.
_MAX_PHOTO_BYTES = 2**30

# What of a configuration does not say what the result is: the weights' and models' hashes do.
_NO_OPTIONS = ("weights", "device", "face_model", "detail", "batch_size", "threads")


def origin_of(
    photos: Sequence[Path],
    reconstructor: Reconstructor,
    files: dict[str, Any],
    *,
    largest_bytes: int = _MAX_PHOTO_BYTES,
) -> Origin:
    """What a result of these photos is made from, as JSON has it; no path of this machine.

    Args:
        photos: One or several. If one of them cannot be read, no result of them counts as finished.
        reconstructor: What reconstructs them.
        files: What was chosen of the files that are written.
        largest_bytes: Larger files count as files that cannot be read.
    """
    config = dataclasses.asdict(reconstructor.config)
    chosen = {name: value for name, value in config.items() if name not in _NO_OPTIONS}
    options = files | {"detail": config["detail"] is not None} | chosen
    return Origin(_sha256_of_all(photos, largest_bytes), options, made_with_report(reconstructor.made_with))


def _sha256_of_all(photos: Sequence[Path], largest_bytes: int) -> str | None:
    """Digest of a photo, or of the digests of several."""
    digests = []
    for photo in photos:
        digest = _photo_sha256(photo, largest_bytes)
        if digest is None:
            return None
        digests.append(digest)
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _photo_sha256(path: Path, largest_bytes: int) -> str | None:
    """Digest of a photo's file; None if there is no such file, or none that could be a photo."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > largest_bytes:
            return None
        return sha256_of(path)
    except OSError:
        return None
