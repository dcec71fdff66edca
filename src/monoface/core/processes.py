"""What each process makes for itself: threads, locks and sessions do not survive a fork."""

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Something that every process makes anew when it first asks for it.

    A forked child has the parent's objects, but not its threads: a thread pool, a session with threads or a
    lock that another thread held would wait there for ever. What the parent made is kept in the child, out of
    use, for to close it would wait for threads that are gone.

    Two threads that ask at once may both make one; the same one is given to both.

    Args:
        make: Makes it.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}

    def __call__(self) -> T:
        """The one of this process."""
        process = os.getpid()
        if process not in self._made:
            self._made.setdefault(process, self._make())
        return self._made[process]
