"""`monoface COMMAND …`: finds the command, loads it, and turns errors into a line and an exit code."""

import atexit
import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn, Protocol

from monoface import __version__
from monoface.core.errors import MonofaceError

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
        extra: Optional dependencies that the command needs, as in `pip install 'monoface[extra]'`.
        shares_cores: Whether torch does the smaller part of the work, so that its threads should sleep while
            they wait: they else spin on the cores that other threads are about to need.
    """

    words: tuple[str, ...]
    module: str
    summary: str
    extra: str = ""
    shares_cores: bool = False

    @property
    def name(self) -> str:
        """The command as typed."""
        return " ".join(self.words)


COMMANDS = (
    Command(("reconstruct",), "monoface.cli.reconstruct", "turn photos into 3D faces", shares_cores=True),
    Command(
        ("together",),
        "monoface.cli.together",
        "turn several photos of one person into one 3D face",
        shares_cores=True,
    ),
    *(
        Command(("evaluate", name), f"monoface.cli.evaluate_{name.replace('-', '_')}", summary, "eval")
        for name, summary in (
            ("aflw2000", "score 68 points on AFLW2000-3D"),
            ("aflw2000-dense", "score all vertices on AFLW2000-3D, with your own Basel Face Model"),
            ("aflw", "score 21 points on AFLW"),
            ("aflw-lfpa", "score 34 points on AFLW-LFPA"),
            ("now", "score neutral meshes on NoW"),
            ("micc", "score meshes on MICC Florence"),
            ("realy", "score meshes by region on REALY"),
            ("facescape", "score posed meshes on FaceScape"),
            ("heads", "score shape, pose, albedo and light on heads that are drawn"),
            ("views", "score shape and its variation on heads drawn in several cameras"),
            ("detail", "score wrinkles and painted marks on heads that are drawn"),
            ("consistency", "score how alike the shapes of one person's photos are"),
            ("profiles", "score shapes of frontal photos on the same people's profiles"),
            ("people", "score whether shapes tell people apart"),
            ("gaps", "score how far mouths and eyes open, on MERL-RAV"),
            ("blendshapes", "score expressions against a table of labels"),
            ("scan", "score neutral meshes on photos rendered from a head scan"),
            ("compare", "compare two reports, with paired intervals"),
        )
    ),
    Command(("data", "pack"), "monoface.cli.data_pack", "make source packs from public data sets"),
    Command(("data", "prepare"), "monoface.cli.data_prepare", "turn a folder of photos into training packs"),
    Command(("data", "people"), "monoface.cli.data_people", "label photos by who is seen in them"),
    Command(("data", "views"), "monoface.cli.data_views", "make packs of views of one face each"),
    Command(("train", "pretrain"), "monoface.cli.train_pretrain", "train the regressor", "train"),
    Command(("train", "twodasl"), "monoface.cli.train_twodasl", "train it to see landmarks (2DASL)", "train"),
    Command(("train", "mgcnet"), "monoface.cli.train_mgcnet", "train it on several views (MGCNet)", "train"),
    Command(
        ("train", "monoface"),
        "monoface.cli.train_monoface",
        "train the flagship, on all terms at once",
        "train",
    ),
    Command(
        ("train", "likeness"),
        "monoface.cli.train_likeness",
        "teach the flagship who people are, after its training",
        "train",
    ),
    Command(("train", "parsing"), "monoface.cli.train_parsing", "train the face parser", "train"),
    Command(
        ("train", "identity"), "monoface.cli.train_identity", "train the encoder that knows people", "train"
    ),
    Command(
        ("train", "detail-coarse"),
        "monoface.cli.train_detail_coarse",
        "train the coarse stage of Detail: faces without wrinkles",
        "train",
    ),
    Command(("train", "detail"), "monoface.cli.train_detail", "train the fine stage: wrinkles", "train"),
    Command(
        ("facemodel", "learn"), "monoface.cli.facemodel_learn", "make the default face model", "facemodel"
    ),
    Command(
        ("facemodel", "albedo"),
        "monoface.cli.facemodel_albedo",
        "refine a face model's albedo on portraits",
        "facemodel",
    ),
    Command(
        ("facemodel", "close"),
        "monoface.cli.facemodel_close",
        "make its lids shut and its lips meet on every identity",
        "facemodel",
    ),
    Command(
        ("facemodel", "calibrate"),
        "monoface.cli.facemodel_calibrate",
        "find its landmark sets on annotated photos",
        "facemodel",
    ),
    Command(("benchmark",), "monoface.cli.benchmark", "time the stages on this machine", shares_cores=True),
)


class _Runnable(Protocol):
    def run(self, arguments: Sequence[str]) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Words after `monoface`; those of this process by default.

    Returns:
        Exit code: 0 all fine, 2 usage error, and what the command's help says.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # On the way out, Python would search all modules for garbage once more, which takes longer than leaving.
    atexit.register(gc.freeze)
    with _sigterm_raises():
        try:
            return _dispatch(words)
        except MonofaceError as error:
            print(f"monoface: {error}", file=sys.stderr)
            return USAGE_ERROR
        except KeyboardInterrupt:
            print("monoface: interrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            # Python would complain again when it flushes the closed pipe at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else USAGE_ERROR


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if words else USAGE_ERROR
    if words[0] == "--version":
        print(f"monoface {__version__}")
        return 0
    for command in COMMANDS:
        if tuple(words[: len(command.words)]) == command.words:
            return _load(command).run(words[len(command.words) :])
    print(f"monoface: no command {words[0]}{_alternatives(words[0])}", file=sys.stderr)
    return USAGE_ERROR


def _load(command: Command) -> _Runnable:
    if command.shares_cores:
        # Read by the OpenMP library when torch loads it.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with _without_collection(command.module):
            module: _Runnable = importlib.import_module(command.module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not command.extra or missing in ("", "monoface"):
            raise
        raise MonofaceError(
            f"{command.name} needs {missing}, which is not installed. Install it with: pip install "
            f"'monoface[{command.extra}]'"
        ) from error
    return module


@contextmanager
def _without_collection(module: str) -> Iterator[None]:
    """Load a module without looking for garbage among what it defines, neither now nor later: it stays."""
    if module in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
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
    sys.exit(main())
