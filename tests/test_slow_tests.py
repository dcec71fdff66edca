"""The list of slow tests is kept by measuring."""

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from slow_tests import SlowTests


def make(path, *, record=False):
    return SlowTests(path, SimpleNamespace(getoption=lambda name: record))


def report(name, cpu_s):
    return SimpleNamespace(nodeid=name, user_properties=[("other", 9.0), ("cpu_s", cpu_s)])


def cpu_s_of(slow, work):
    """What a report says of a phase of a test."""
    hook = slow.pytest_runtest_makereport()
    next(hook)
    work()
    with pytest.raises(StopIteration) as ended:
        hook.send(SimpleNamespace(user_properties=[]))
    return dict(ended.value.value.user_properties)["cpu_s"]


def test_listed_tests_are_marked_whatever_their_parameters(tmp_path):
    path = tmp_path / "slow_tests.txt"
    path.write_text("# a note\ntests/a.py::test_long\n")
    marks = {}
    items = [
        SimpleNamespace(nodeid=name, add_marker=lambda mark, name=name: marks.update({name: mark.name}))
        for name in ("tests/a.py::test_long[3]", "tests/a.py::test_longer", "tests/b.py::test_long")
    ]
    make(path).pytest_collection_modifyitems(items)
    assert marks == {"tests/a.py::test_long[3]": "slow"}


def test_recording_changes_what_was_measured_alone(tmp_path):
    path = tmp_path / "slow_tests.txt"
    path.write_text("# a note\ntests/a.py::test_was_slow\ntests/other.py::test_not_run\n")
    slow = make(path, record=True)
    for name, durations in (
        ("tests/a.py::test_was_slow", (0.1, 0.1, 0.1)),
        ("tests/a.py::test_now_slow[1]", (0.1, 0.2, 0.1)),
        ("tests/a.py::test_now_slow[2]", (0.5, 0.6, 0.1)),
    ):
        for duration in durations:
            slow.pytest_runtest_logreport(report(name, duration))
    slow.pytest_sessionfinish()
    assert path.read_text().splitlines()[1:] == ["tests/a.py::test_now_slow", "tests/other.py::test_not_run"]


@pytest.mark.parametrize("exists", [True, False])
def test_other_runs_change_nothing(tmp_path, exists):
    path = tmp_path / "slow_tests.txt"
    if exists:
        path.write_text("tests/a.py::test_long\n")
    slow = make(path)
    slow.pytest_runtest_logreport(report("tests/b.py::test_long", 9.0))
    slow.pytest_sessionfinish()
    assert slow.listed == ({"tests/a.py::test_long"} if exists else set())


def test_what_counts_is_the_time_of_processors_and_of_children(tmp_path):
    slow = make(tmp_path / "slow_tests.txt")
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    assert cpu_s_of(slow, lambda: time.sleep(0.2)) < 0.1
    assert cpu_s_of(slow, lambda: subprocess.run([sys.executable, "-c", spin], check=True)) >= 0.25
