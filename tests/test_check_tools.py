"""The scripts that `.ci/run` calls."""

import importlib.util
import sys
from types import SimpleNamespace

import pytest


@pytest.fixture
def tool(repository):
    def load(name):
        spec = importlib.util.spec_from_file_location(name, repository / "tools" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def test_lowest_versions_are_the_bounds(tool):
    text = '[project]\ndependencies = ["numpy>=2.0", "Pillow>=11.0"]'
    assert tool("lowest_versions").lowest_versions(text) == ["numpy==2.0", "Pillow==11.0"]


@pytest.mark.parametrize("requirement", ["numpy", "numpy>=2,<3", "numpy==2.0"])
def test_dependencies_without_a_plain_lower_bound_are_refused(tool, requirement):
    with pytest.raises(ValueError, match="expected a lower bound"):
        tool("lowest_versions").lowest_versions(f'[project]\ndependencies = ["{requirement}"]')


def test_the_projects_own_dependencies_have_lower_bounds(tool, repository):
    lines = tool("lowest_versions").lowest_versions(
        (repository / "pyproject.toml").read_text(encoding="utf-8")
    )
    assert len(lines) > 5
    assert all("==" in line for line in lines)


def package_with(tmp_path, monkeypatch, **files):
    """A package named monoface, of these files, in place of the real one."""
    for name, code in files.items():
        path = tmp_path / "monoface" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    package = SimpleNamespace(__file__=str(tmp_path / "monoface" / "__init__.py"))
    monkeypatch.setitem(sys.modules, "monoface", package)


def test_only_rooms_with_extras_may_miss_a_package(tool, tmp_path, monkeypatch):
    package_with(tmp_path, monkeypatch, training="", geometry="", core="")
    check_imports = tool("check_imports")

    def import_module(name):
        if name != "monoface.core":
            raise ModuleNotFoundError("No module named 'scipy'", name="scipy")

    monkeypatch.setattr(check_imports.importlib, "import_module", import_module)
    assert check_imports.modules_that_fail() == ["monoface.geometry: No module named 'scipy'"]


def test_a_missing_module_of_our_own_is_never_right(tool, tmp_path, monkeypatch):
    package_with(tmp_path, monkeypatch, training="")
    check_imports = tool("check_imports")

    def import_module(name):
        raise ModuleNotFoundError("No module named 'monoface.gone'", name="monoface.gone")

    monkeypatch.setattr(check_imports.importlib, "import_module", import_module)
    assert check_imports.modules_that_fail() == ["monoface.training: No module named 'monoface.gone'"]


def test_what_reconstruction_needs_may_not_miss_torch(tool, tmp_path, monkeypatch):
    package_with(tmp_path, monkeypatch, regression="", losses="")

    def import_module(name):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    check_imports = tool("check_imports")
    monkeypatch.setattr(check_imports.importlib, "import_module", import_module)
    assert check_imports.modules_that_fail() == ["monoface.regression: No module named 'torch'"]
