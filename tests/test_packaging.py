"""What a user's installation needs is declared, pinned, and no more than that."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(requirements):
    return {_normalised(re.match(r"[\w.-]+", requirement).group()) for requirement in requirements}


def _import_names(distributions):
    """Top-level packages that come from these distributions."""
    providers = importlib.metadata.packages_distributions()
    return {
        package
        for package, names in providers.items()
        if any(_normalised(name) in distributions for name in names)
    }


def _with_requirements(distributions):
    """These distributions and all that they in turn need, extras left out."""
    found, queue = set(), list(distributions)
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        try:
            requirements = importlib.metadata.requires(name) or ()
        except importlib.metadata.PackageNotFoundError:
            # It is meant for another platform or version of Python.
            continue
        queue.extend(_names(line for line in requirements if "extra ==" not in line))
    return found


def test_version_is_the_installed_one(project):
    import monoface

    assert monoface.__version__ == project["version"]


def test_everything_imported_is_declared(project, repository):
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    # MediaPipe is what `benchmark --against` compares with where it is installed; nothing needs it.
    own = {"monoface", "mediapipe"}
    declared = _import_names(_names([*project["dependencies"], *extras])) | own
    undeclared = {}
    for path in (repository / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            for package in {module.partition(".")[0] for module in modules} - declared:
                if package not in sys.stdlib_module_names:
                    undeclared[package] = str(path.relative_to(repository))
    assert undeclared == {}


_BLOCKED_SCRIPT = """
import sys

class Blocker:
    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)

blocked = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocker())
import monoface.cli.main, monoface.cli.reconstruct, monoface.pipeline
"""


def test_base_dependencies_suffice_to_reconstruct(project):
    base = _with_requirements(_names(project["dependencies"]))
    blocked = set(importlib.metadata.packages_distributions()) - _import_names(base) - {"monoface"}
    blocked -= set(sys.stdlib_module_names)
    assert {"scipy", "onnx", "pytest"} <= blocked
    command = [sys.executable, "-c", _BLOCKED_SCRIPT, ",".join(sorted(blocked))]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


def test_constraints_pin_what_is_declared(project, repository):
    lines = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    # A local version, such as +cpu, would tie every user to one build.
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    assert _names([*project["dependencies"], *extras]) - _names(pins) == {"monoface"}


def test_every_asset_is_intact_and_has_a_card_with_its_terms():
    from shipped_cards import load_card

    from monoface.core.assets import ASSET_FOLDER, asset_names, asset_path

    listed = set(asset_names())
    assert listed
    for name in listed:
        path = asset_path(name)
        assert load_card(path.stem)["terms"]
        # The history keeps every version for ever.
        assert path.stat().st_size <= 12 * 2**20
    present = {path.name for path in ASSET_FOLDER.iterdir() if path.suffix not in (".json", ".md")}
    assert present == listed


def test_notice_names_the_sources_of_what_is_shipped(repository):
    notice = (repository / "NOTICE").read_text(encoding="utf-8")
    for source in ("ICT-FaceKit", "BlazeFace", "Apache License", "astronaut.png", "model card"):
        assert source in notice


def test_the_licence_tells_which_weights_are_for_research_only(project, repository):
    from shipped_cards import load_card

    from monoface.core.assets import asset_names

    names = [name for name in asset_names() if "non-commercial" in load_card(name.partition(".")[0])["terms"]]
    assert len(names) == 7
    text = (repository / "LICENSES/LicenseRef-monoface-research-weights.txt").read_text(encoding="utf-8")
    assert re.findall(r"^ +(\w+\.safetensors)$", text, re.MULTILINE) == names
    notice = (repository / "NOTICE").read_text(encoding="utf-8")
    assert all(name in notice for name in names)
    # The metadata of the wheel say so, not the MIT licence of the code alone.
    assert "LicenseRef-monoface-research-weights" in project["license"]
    assert "LICENSES/*" in project["license-files"]


def test_typed_marker_is_in_the_package():
    import monoface

    assert (Path(monoface.__file__).parent / "py.typed").is_file()
