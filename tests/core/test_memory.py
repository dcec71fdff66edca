"""How much memory is left."""

import pytest

from monoface.core import memory


@pytest.mark.parametrize(
    ("system", "limit", "expected"),
    [
        ("MemTotal: 90 kB\nMemAvailable:   80 kB\n", "max\n", 80 * 1024),
        ("MemTotal: 90 kB\nMemAvailable:   80 kB\n", "50000\n", 20_000),
        ("damaged", "50000\n", 20_000),
        ("MemTotal: 90 kB\n", "20000\n", 0),
        ("damaged", "max\n", None),
    ],
)
def test_the_smaller_of_system_and_container_counts(monkeypatch, tmp_path, system, limit, expected):
    for name, text in (("_SYSTEM", system), ("_GROUP_LIMIT", limit), ("_GROUP_USED", "30000\n")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(memory, name, tmp_path / name)
    assert memory.available_bytes() == expected


def test_a_system_that_does_not_tell_is_no_error(monkeypatch, tmp_path):
    for name in ("_SYSTEM", "_GROUP_LIMIT", "_GROUP_USED"):
        monkeypatch.setattr(memory, name, tmp_path / "none")
    assert memory.available_bytes() is None
