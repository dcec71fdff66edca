"""Print the lowest versions that pyproject.toml allows of what monoface needs, a requirement a line.

    python tools/lowest_versions.py >lowest.txt
    python -m pip install --requirement lowest.txt

A lower bound is the version that is named after `>=`.
"""

import re
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_BOUND = re.compile(r"(?P<name>[\w.-]+)>=(?P<version>[\w.]+)")


def lowest_versions(pyproject: str) -> list[str]:
    """Requirements such as `numpy==2.0`, of the text of a pyproject.toml.

    Raises:
        ValueError: If a dependency has no lower bound.
    """
    lines = []
    for requirement in tomllib.loads(pyproject)["project"]["dependencies"]:
        bound = _BOUND.fullmatch(requirement)
        if bound is None:
            raise ValueError(f"{requirement}: expected a lower bound and nothing else, such as numpy>=2.0.")
        lines.append(f"{bound['name']}=={bound['version']}")
    return lines


if __name__ == "__main__":
    print("\n".join(lowest_versions((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))))
