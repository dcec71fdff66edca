"""`monoface COMMAND …`: finds the command, loads it, and turns errors into a line and an exit code."""

import atexit
import gc
import importlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from monoface import __version__
from monoface.core.errors import MonofaceError
from monoface.core.names import one_line
from monoface.evaluation.registry import BENCHMARKS
from monoface.training.registry import METHODS

Run = Callable[[Sequence[str]], int]
"""Runs a command with the words after its name; returns an exit code."""

USAGE_ERROR = 2
# What shells report for programs that SIGINT, SIGPIPE and SIGTERM ended: 128 and the signal's number.
INTERRUPTED, PIPE_CLOSED, TERMINATED = 130, 141, 143


@dataclass(frozen=True)
class Command:
    """A command that is loaded when it is asked for.

    Attributes:
        words: What the user types after `monoface`.
        module: Module with a function `run(arguments) -> exit code`.
        summary: One line for the list of commands.
        extra: Optional dependencies that the command needs, as in `pip install "monoface[extra]"`.
        shares_cores: Whether torch and numpy do the smaller part of the work, so that their threads should
            not wait by spinning on the cores that other threads are about to need.
        member: Which of several commands of the module it is; then the module has a function
            `command(member)` in place of `run`, which returns it.
    """

    words: tuple[str, ...]
    module: str
    summary: str
    extra: str = ""
    shares_cores: bool = False
    member: str = ""

    @property
    def name(self) -> str:
        """The command as typed."""
        return " ".join(self.words)

    def load(self) -> Run:
        """What runs the command with the words after its name.

        Raises:
            MonofaceError: If an optional dependency is missing.
        """
        try:
            module = importlib.import_module(self.module)
            run: Run = module.command(self.member) if self.member else module.run
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if not self.extra or missing in ("", "monoface"):
                raise
            raise MonofaceError(
                f"{self.name} needs {missing}, which is not installed. Install it with: pip install "
                f'"monoface[{self.extra}]"'
            ) from error
        return run


COMMANDS = (
    Command(("reconstruct",), "monoface.cli.reconstruct", "turn photos into 3D faces", shares_cores=True),
    Command(
        ("together",),
        "monoface.cli.together",
        "turn several photos of one person into one 3D face",
        shares_cores=True,
    ),
    Command(
        ("video",), "monoface.cli.video", "turn clips into animated 3D heads", "video", shares_cores=True
    ),
    Command(
        ("live",),
        "monoface.cli.live_sending",
        "send blendshapes of a camera or a clip to other programs",
        "video",
        shares_cores=True,
    ),
    Command(("view",), "monoface.cli.view", "show a GLB file or a result in the browser"),
    Command(
        ("serve",),
        "monoface.cli.serve",
        "a local app in the browser, and a REST API",
        "serve",
        shares_cores=True,
    ),
    Command(("doctor",), "monoface.cli.checks.doctor", "check this installation, for a report in an issue"),
    Command(
        ("licences",),
        "monoface.cli.checks.licences",
        "print the terms of all that is installed, or that made a result",
    ),
    Command(("export",), "monoface.cli.export", "write networks and face model for other programs"),
    *(
        Command(("evaluate", name), "monoface.cli.evaluate", one.summary, "eval", member=name)
        for name, one in BENCHMARKS.items()
    ),
    Command(
        ("evaluate", "compare"), "monoface.cli.compare", "compare two reports, with paired intervals", "eval"
    ),
    Command(("data", "pack"), "monoface.cli.data.pack", "make source packs from public data sets", "train"),
    Command(
        ("data", "prepare"),
        "monoface.cli.data.prepare",
        "turn a folder of photos into training packs",
        "train",
    ),
    Command(("data", "people"), "monoface.cli.data.people", "label photos by who is seen in them", "train"),
    Command(("data", "views"), "monoface.cli.data.views", "make packs of views of one face each", "train"),
    *(
        Command(("train", name), "monoface.cli.train", one.summary, "train", member=name)
        for name, one in METHODS.items()
    ),
    Command(
        ("train", "likeness"),
        "monoface.cli.likeness",
        "teach the flagship who people are, after its training",
        "train",
    ),
    Command(
        ("facemodel", "learn"), "monoface.cli.facemodel.learn", "make the default face model", "facemodel"
    ),
    Command(
        ("facemodel", "albedo"),
        "monoface.cli.facemodel.albedo",
        "refine a face model's albedo on portraits",
        "facemodel",
    ),
    Command(
        ("facemodel", "close"),
        "monoface.cli.facemodel.close",
        "make its lids shut and its lips meet on every identity",
        "facemodel",
    ),
    Command(
        ("facemodel", "calibrate"),
        "monoface.cli.facemodel.calibrate",
        "find its landmark sets on annotated photos",
        "facemodel",
    ),
    Command(
        ("benchmark",),
        "monoface.cli.speed.benchmark",
        "time the stages on this machine",
        "train",
        shares_cores=True,
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, and leave the process as it was.

    Args:
        argv: Words after `monoface`; those of this process by default.

    Returns:
        Exit code: 0 all fine, 2 usage error or a file that cannot be read or written, 130 interrupted, and
        what the command's help says.
    """
    return _run(list(sys.argv[1:] if argv is None else argv), Command.load)


def console() -> int:
    """Run the command of this process, which is the program `monoface` and nothing else."""
    # On the way out, Python would search all modules for garbage once more, which takes longer than leaving.
    atexit.register(gc.freeze)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files may hold bytes that no encoding knows.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = _run(sys.argv[1:], _load_in_own_process)
    if code == PIPE_CLOSED:
        # Python would complain again when it flushes the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _run(words: list[str], load: Callable[[Command], Run]) -> int:
    with _sigterm_raises():
        try:
            _refuse_a_place_that_is_gone()
            return _dispatch(words, load)
        except KeyboardInterrupt as stop:
            # Commands say what to do next in its text.
            print("; ".join(("monoface: interrupted", *map(str, stop.args))), file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            return PIPE_CLOSED
        except OSError as error:
            print(one_line(f"monoface: {_file_problem(error)}"), file=sys.stderr)
            return USAGE_ERROR
        except MonofaceError as error:
            print(f"monoface: {error}", file=sys.stderr)
            return USAGE_ERROR
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else USAGE_ERROR


def _refuse_a_place_that_is_gone() -> None:
    """Libraries would end the process, or load nothing, where the current folder was removed."""
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise MonofaceError("the current folder was removed. Change to one that exists.") from error


def _dispatch(words: list[str], load: Callable[[Command], Run]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if words else USAGE_ERROR
    if words[0] == "--version":
        print(f"monoface {__version__}")
        return 0
    for command in COMMANDS:
        if tuple(words[: len(command.words)]) == command.words:
            return load(command)(words[len(command.words) :])
    print(f"monoface: no command {words[0]}{_alternatives(words[0])}", file=sys.stderr)
    return USAGE_ERROR


def _file_problem(error: OSError) -> str:
    """What the system said of a file, and of which."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return f"a file cannot be read or written: {reason}."
    return f"{error.filename}: cannot be read or written ({reason})."


def _load_in_own_process(command: Command) -> Run:
    """Load a command with settings of the process that make it faster."""
    if command.shares_cores:
        # Read by the OpenMP library when torch loads it, and by numpy's, whose threads spin, too.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # No search for garbage among what modules define, neither now nor later: it stays.
    gc.disable()
    try:
        return command.load()
    finally:
        gc.freeze()
        gc.enable()


def _alternatives(first_word: str) -> str:
    names = [command.name for command in COMMANDS if command.words[0] == first_word]
    return f" alone; there is: {', '.join(names)}" if names else "; see monoface --help"


def _help() -> str:
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS]
    return "\n".join(
        (
            "usage: monoface COMMAND …",
            "",
            "One photo in, a posed, textured, animatable 3D face out.",
            "",
            "commands:",
            *lines,
            "",
            "monoface COMMAND --help explains a command; monoface --version prints the version.",
        )
    )


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Let SIGTERM unwind the stack, as SIGINT does, so that files half written are removed."""

    def stop(signal_number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(TERMINATED)

    try:
        previous = signal.signal(signal.SIGTERM, stop)
    except ValueError:
        # Only the main thread may handle signals; in another one they are its business.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


if __name__ == "__main__":
    sys.exit(console())
