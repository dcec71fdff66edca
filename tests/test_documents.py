"""What the documents name exists: modules, pages, and files of the repository."""

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_PACKAGE = _ROOT / "src" / "monoface"
_ROOMS = {path.name for path in _PACKAGE.iterdir() if path.is_dir()}
_DOCUMENTS = sorted(
    path
    for path in (*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md"), *_PACKAGE.rglob("*.md"))
    # What was is named there as it was called then.
    if path.name != "CHANGELOG.md"
)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_DOTTED = re.compile(r"`(?:monoface\.)?([a-z_]+(?:\.\w+)+)(?:\([^`]*\))?`")
# What looks like a module and is a file.
_SUFFIXES = ("json", "jsonl", "npz", "npy", "tar", "csv", "pts", "safetensors", "png", "glb")
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(?:#[^)\s]*)?\)")


def _names_of(path):
    """What a module defines or imports at its top, for type checkers alone, too: that is there on demand."""
    names = set()
    top = ast.parse(path.read_text(encoding="utf-8")).body
    for node in [*top, *(inner for one in top if isinstance(one, ast.If) for inner in one.body)]:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
    return names


def _exists(dotted):
    """Whether `room.module.name` leads to a folder, a file, or what a file has."""
    place = _PACKAGE
    parts = dotted.split(".")
    for depth, part in enumerate(parts):
        if (place / part).is_dir():
            place /= part
            continue
        if (place / f"{part}.py").is_file():
            rest = parts[depth + 1 :]
            return not rest or rest[0] in _names_of(place / f"{part}.py")
        init = place / "__init__.py"
        return init.is_file() and part in _names_of(init)
    return True


@pytest.mark.parametrize("path", _DOCUMENTS, ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_named_modules_exist(path):
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    named = {
        name
        for name in _DOTTED.findall(text)
        if name.partition(".")[0] in _ROOMS and name.rpartition(".")[2] not in _SUFFIXES
    }
    # The worked examples name what they add.
    missing = sorted(name for name in named if not _exists(name) and ".toy" not in name)
    assert not missing, f"{path.relative_to(_ROOT)} names what is not there: {', '.join(missing)}"


@pytest.mark.parametrize("path", _DOCUMENTS, ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_links_lead_somewhere(path):
    targets = [match["target"] for match in _LINK.finditer(path.read_text(encoding="utf-8"))]
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    missing = [target for target in local if not (path.parent / target).exists()]
    assert not missing, f"{path.relative_to(_ROOT)} links to what is not there: {', '.join(missing)}"
