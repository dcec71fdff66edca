"""What all tests share: shape checks, one thread, which are slow, data, randomness and the face model."""

import os
import re
from pathlib import Path

import hypothesis
import jaxtyping
import pytest
import torch
from jaxtyping import install_import_hook
from slow_tests import SlowTests

_ROOT = Path(__file__).parent.parent
_PACKAGE = _ROOT / "src" / "monoface"
_IMPORTS_COMPILER = re.compile(r"^(import|from) (numba|triton)\b", re.MULTILINE)


def _modules_to_check() -> list[str]:
    """All modules of monoface but those with compiled kernels, which cannot be wrapped by a type checker."""
    return [
        ".".join(path.relative_to(_PACKAGE.parent).with_suffix("").parts)
        for path in sorted(_PACKAGE.rglob("*.py"))
        if path.name != "__init__.py" and not _IMPORTS_COMPILER.search(path.read_text(encoding="utf-8"))
    ]


# Before anything imports monoface: annotated shapes and types hold at run time, in tests only.
install_import_hook(_modules_to_check(), "shape_checks.check_types")

# Results do not depend on the machine's cores, and parallel test workers do not fight over them.
torch.set_num_threads(1)

# The same examples in every run, and no time limit: a first call may compile kernels.
hypothesis.settings.register_profile("monoface", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("monoface")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-api",
        action="store_true",
        help="write the public API as it is to tests/public_api.txt instead of comparing with it",
    )
    parser.addoption(
        "--record-slow",
        action="store_true",
        help="write which of these tests take a processor more than a second to tests/slow_tests.txt",
    )
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the results of tests/golden as they are instead of comparing with those stored",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SlowTests(_ROOT / "tests" / "slow_tests.txt", config))


@pytest.fixture
def rng() -> torch.Generator:
    """Randomness that is the same in every run."""
    return torch.Generator().manual_seed(20_260)


@pytest.fixture
def as_installed(monkeypatch):
    """Annotated shapes are not checked, as outside tests: for what the package itself says of wrong ones."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return _ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with the data sets, which `MONOFACE_DATA` names; tests that need it are skipped without it."""
    name = os.environ.get("MONOFACE_DATA", "")
    if not name:
        pytest.skip("no data sets: set MONOFACE_DATA to their folder")
    path = Path(name)
    if not path.is_dir():
        pytest.fail(f"MONOFACE_DATA: expected the folder of the data sets, found none at {path}")
    return path


@pytest.fixture(scope="session")
def face_model():
    """The shipped default face model, read once."""
    from monoface.facemodel import load_default_model

    return load_default_model()
