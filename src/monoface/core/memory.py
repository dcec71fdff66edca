"""How much memory a process may still take."""

from pathlib import Path

_SYSTEM = Path("/proc/meminfo")
_GROUP_LIMIT, _GROUP_USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def available_bytes() -> int | None:
    """Memory that the system, and the container if there is one, has left; None where that is not told."""
    told = [one for one in (_left_in_system(), _left_in_group()) if one is not None]
    return min(told, default=None)


def _left_in_system() -> int | None:
    try:
        lines = _SYSTEM.read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _left_in_group() -> int | None:
    """What a container may still take; its limit is the word `max` where there is none."""
    try:
        return max(0, int(_GROUP_LIMIT.read_text()) - int(_GROUP_USED.read_text()))
    except (OSError, ValueError):
        return None
