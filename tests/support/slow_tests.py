"""Which tests are slow: those that `tests/slow_tests.txt` lists. `-m "not slow"` leaves them out.

    python -m pytest --record-slow --numprocesses auto      measures, and writes the list anew

A line is a test's name without parameters, such as `tests/cli/test_main.py::test_help`. A run of a part of
the tests changes the lines of that part alone. What counts is the time of processors, that of processes
which a test starts and ends too, so a busy machine gives the same list.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

LIMIT_S = 1.0
_CPU_S = "cpu_s"


class SlowTests:
    """Marks listed tests as slow, and lists them where that is asked for."""

    def __init__(self, path: Path, config: pytest.Config) -> None:
        self._path = path
        # Workers send their reports to the process that started them; that one writes.
        self._records = config.getoption("--record-slow") and not hasattr(config, "workerinput")
        self._took_s: dict[str, float] = defaultdict(float)
        self._began_s = _cpu_s()

    @property
    def listed(self) -> set[str]:
        """Names of the slow tests."""
        if not self._path.is_file():
            return set()
        lines = self._path.read_text(encoding="utf-8").splitlines()
        return {line for line in lines if line and not line.startswith("#")}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        listed = self.listed
        for item in items:
            if _name(item.nodeid) in listed:
                item.add_marker(pytest.mark.slow)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        report = yield
        now_s = _cpu_s()
        # The process that writes may be another one, and gets reports alone.
        report.user_properties.append((_CPU_S, now_s - self._began_s))
        self._began_s = now_s
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._took_s[report.nodeid] += sum(value for name, value in report.user_properties if name == _CPU_S)

    def pytest_sessionfinish(self) -> None:
        if not self._records:
            return
        measured = {_name(test) for test in self._took_s}
        slow = {_name(test) for test, took_s in self._took_s.items() if took_s > LIMIT_S}
        names = sorted((self.listed - measured) | slow)
        head = (
            "# Tests that take a processor more than a second; python -m pytest --record-slow writes this.\n"
        )
        self._path.write_text(head + "".join(f"{name}\n" for name in names), encoding="utf-8")


def _cpu_s() -> float:
    """Processor time of this process, and of those that it started and that ended."""
    return sum(os.times()[:4])


def _name(test: str) -> str:
    return test.partition("[")[0]
