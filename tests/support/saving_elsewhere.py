"""What tests run in other processes, which find it by the name of this module."""

from pathlib import Path


def save(result, path: Path) -> None:
    """Write a result that came from another process."""
    result.save(path)
