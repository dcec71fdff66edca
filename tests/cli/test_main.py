import gc
import os
import signal
import subprocess
import sys

import pytest

import monoface
from monoface.cli import main as module
from monoface.cli.main import COMMANDS, Command, console, main
from monoface.core.errors import MonofaceError


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {command.name} " in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(command, capsys):
    assert main([*command.words, "--help"]) == 0
    assert f"monoface {command.name}" in capsys.readouterr().out


def test_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"monoface {monoface.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["recnstruct"], "no command recnstruct; see monoface --help"),
        (["evaluate"], "no command evaluate alone; there is: evaluate aflw2000, evaluate aflw"),
        ([], ""),
    ],
)
def test_unknown_commands_are_usage_errors(words, message, capsys):
    assert main(words) == 2
    assert message in capsys.readouterr().err


def _raising(error):
    def run(arguments):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (MonofaceError("the cause, and what to do"), 2, "monoface: the cause, and what to do\n"),
        (KeyboardInterrupt(), 130, "monoface: interrupted\n"),
        (KeyboardInterrupt("go on"), 130, "monoface: interrupted; go on\n"),
        (
            OSError(28, "No space left on device", "out/a\nb"),
            2,
            "monoface: out/a\\nb: cannot be read or written (No space left on device).\n",
        ),
        (OSError(), 2, "monoface: a file cannot be read or written: OSError.\n"),
        (SystemExit(5), 5, ""),
    ],
)
def test_errors_become_a_line_and_a_code(error, code, message, capsys, monkeypatch):
    monkeypatch.setattr(Command, "load", lambda command: _raising(error))
    assert main(["benchmark"]) == code
    assert capsys.readouterr().err == message


def test_sigterm_unwinds_the_stack(monkeypatch):
    def killed(arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Command, "load", lambda command: killed)
    assert main(["benchmark"]) == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_missing_extra_is_named(capsys, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'scipy'", name="scipy.optimize")

    monkeypatch.setattr(module.importlib, "import_module", missing)
    assert main(["evaluate", "aflw"]) == 2
    assert 'pip install "monoface[eval]"' in capsys.readouterr().err


def test_our_own_missing_modules_are_no_missing_extras(monkeypatch):
    command = Command(("nothing",), "monoface.no.such.module", "", "eval")
    with pytest.raises(ModuleNotFoundError):
        command.load()


def test_help_does_not_wait_for_torch():
    code = "import sys; from monoface.cli.main import main; main(['--help']); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False"


@pytest.fixture
def own_process(monkeypatch):
    """Runs the program with some words, as if the process were its own, and puts right what it changes."""
    registered = []
    monkeypatch.setattr(module.atexit, "register", registered.append)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["monoface", *words])
        code = console()
        gc.unfreeze()
        return code

    return run


@pytest.mark.parametrize(
    ("words", "variable", "chosen", "expected"),
    [
        (["reconstruct"], "OMP_WAIT_POLICY", None, "PASSIVE"),
        (["reconstruct"], "OMP_WAIT_POLICY", "ACTIVE", "ACTIVE"),
        (["data", "prepare"], "OMP_WAIT_POLICY", None, None),
        (["reconstruct"], "OPENBLAS_NUM_THREADS", None, "1"),
        (["reconstruct"], "OPENBLAS_NUM_THREADS", "4", "4"),
        (["data", "prepare"], "OPENBLAS_NUM_THREADS", None, None),
    ],
)
def test_threads_do_not_spin_where_others_need_the_cores(
    words, variable, chosen, expected, monkeypatch, own_process
):
    # So that they are put back afterwards, whatever the command sets.
    for name in ("OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    if chosen is not None:
        monkeypatch.setenv(variable, chosen)
    assert own_process(*words, "--help") == 0
    assert os.environ.get(variable) == expected


@pytest.fixture
def small_command(tmp_path, monkeypatch):
    (tmp_path / "command_of_this_test.py").write_text(
        "import gc\n"
        "COLLECTED = gc.isenabled()\n"
        "def run(arguments):\n"
        "    return 10 * COLLECTED + gc.isenabled()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    command = Command(("try",), "command_of_this_test", "a command", shares_cores=True)
    monkeypatch.setattr(module, "COMMANDS", (command,))
    yield
    sys.modules.pop("command_of_this_test", None)


def test_garbage_is_collected_while_a_command_runs_but_not_while_it_loads(small_command, own_process):
    assert own_process("try") == 1


def test_called_by_a_program_the_process_stays_as_it_was(small_command, monkeypatch):
    for name in ("OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    frozen = gc.get_freeze_count()
    assert main(["try"]) == 11
    assert gc.get_freeze_count() == frozen
    assert not {"OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"} & os.environ.keys()


def test_the_package_runs_as_a_program():
    ran = subprocess.run([sys.executable, "-m", "monoface", "--version"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, f"monoface {monoface.__version__}\n")


def test_a_current_folder_that_was_removed_is_told(tmp_path, capsys, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["reconstruct", "me.jpg", "--out", "out"]) == 2
    assert capsys.readouterr().err == (
        "monoface: the current folder was removed. Change to one that exists.\n"
    )
