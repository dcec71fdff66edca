"""What commands that write a face model do before and while they make it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monoface.cli.console.live import showing_progress
from monoface.core.errors import ConfigError


@contextmanager
def making_face_model(out: Path, *, overwrite: bool) -> Iterator[None]:
    """Show progress while a face model is made in the body, and say at the end where it is.

    Args:
        out: The file that the body writes.
        overwrite: Whether it may be replaced.

    Raises:
        ConfigError: If the file may not be written, before anything is done.
    """
    if out.suffix != ".safetensors":
        raise ConfigError(f"--out {out}: expected a file that ends with .safetensors.")
    if out.exists() and not overwrite:
        raise ConfigError(f"--out {out}: exists; use --overwrite to replace it.")
    with showing_progress("preparing the face model"):
        yield
    print(f"written: {out}")
