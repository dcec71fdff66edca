"""What each process makes for itself."""

import os
import threading

import pytest

from monoface.core.processes import PerProcess


def test_one_process_has_one():
    made = PerProcess(object)
    assert made() is made()


def test_threads_that_ask_at_once_get_the_same():
    begin = threading.Barrier(4)

    def make():
        begin.wait(timeout=10)
        return object()

    made, got = PerProcess(make), []
    threads = [threading.Thread(target=lambda: got.append(made())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert len(set(map(id, got))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_its_own():
    """A lock that the parent held is free in the child."""
    lock = PerProcess(threading.Lock)
    with lock():
        child = os.fork()
        if child == 0:
            os._exit(0 if lock().acquire(blocking=False) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
