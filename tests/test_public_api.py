"""The public API, as the source states it, stands in `public_api.txt`: whoever changes it sees that they do.

    python -m pytest tests/test_public_api.py --update-api

writes the file anew. What begins with an underscore is private and not in it.
"""

import ast
import difflib
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest

from monoface.facemodel import Landmarks, MorphableModel

_SNAPSHOT = Path(__file__).with_name("public_api.txt")
_PUBLIC_PACKAGES = (
    "monoface",
    "monoface.evaluation",
    "monoface.export",
    "monoface.facemodel",
    "monoface.losses",
    "monoface.pipeline",
    "monoface.raster",
    "monoface.render",
)
# Decorators that change how something is used.
_SHOWN_DECORATORS = (
    "dataclass",
    "property",
    "cached_property",
    "classmethod",
    "staticmethod",
    "abstractmethod",
)


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _decorators(node: ast.FunctionDef | ast.ClassDef) -> str:
    texts = [ast.unparse(decorator) for decorator in node.decorator_list]
    shown = [text for text in texts if text.partition("(")[0].rpartition(".")[2] in _SHOWN_DECORATORS]
    return "".join(f"@{text} " for text in shown)


def _function(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{_decorators(node)}def {node.name}({ast.unparse(node.args)}){returns}"


def _class(node: ast.ClassDef) -> Iterator[str]:
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    yield f"{_decorators(node)}class {node.name}({bases})"
    for member in node.body:
        match member:
            case ast.FunctionDef(name=name) if _is_public(name) or name in ("__init__", "__call__"):
                yield f"    {_function(member)}"
            case ast.AnnAssign(target=ast.Name(id=name)) if _is_public(name):
                yield f"    {ast.unparse(member)}"
            case ast.Assign(targets=[ast.Name(id=name)]) if _is_public(name):
                yield f"    {name}"


def _module(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                yield f"exports {', '.join(sorted(ast.literal_eval(node.value)))}"
            case ast.FunctionDef(name=name) if _is_public(name):
                yield _function(node)
            case ast.ClassDef(name=name) if _is_public(name):
                yield from _class(node)
            case ast.Assign(targets=[ast.Name(id=name)]) if _is_public(name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) if _is_public(name):
                yield f"{name}: {ast.unparse(annotation)}"


def _public_api(package: Path) -> str:
    """One paragraph per public module, one line per name, in the order of the source."""
    paragraphs = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        lines = list(_module(ast.parse(path.read_text(encoding="utf-8"))))
        if lines and all(_is_public(part) for part in parts):
            paragraphs.append("\n    ".join([".".join(parts), *lines]))
    return "\n\n".join(paragraphs) + "\n"


def test_public_api_is_the_recorded_one(request, repository):
    api = _public_api(repository / "src" / "monoface")
    if request.config.getoption("--update-api"):
        _SNAPSHOT.write_text(api, encoding="utf-8")
    recorded = _SNAPSHOT.read_text(encoding="utf-8")
    difference = difflib.unified_diff(
        recorded.splitlines(), api.splitlines(), "recorded", "source", lineterm="", n=1
    )
    if text := "\n".join(difference):
        pytest.fail(
            f"{text}\n\nIf this is meant: python -m pytest {Path(__file__).name} --update-api", pytrace=False
        )


@pytest.mark.parametrize("package", _PUBLIC_PACKAGES)
def test_public_packages_say_what_is_public(package):
    module = import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert hasattr(module, name), f"{package}.{name}"


@pytest.mark.parametrize("package", ["monoface", "monoface.pipeline", "monoface.evaluation"])
def test_no_torch_type_where_arrays_are_promised(package):
    module = import_module(package)
    exported = [getattr(module, name) for name in module.__all__]
    exported += [MorphableModel, Landmarks]
    aliases = [one for one in exported if not isinstance(one, type | FunctionType)]
    assert not [one for one in aliases if "torch" in repr(one)]
    named = [one for one in exported if isinstance(one, type | FunctionType)]
    lines = [f"{one.__qualname__}: {line}" for one in named for line in _signatures(one)]
    assert lines
    assert not [line for line in lines if "Tensor" in line or "torch" in line]


def _signatures(exported):
    """What the source says of a class's public members, or of a function."""
    tree = ast.parse(Path(sys.modules[exported.__module__].__file__).read_text(encoding="utf-8"))
    for node in tree.body:
        if getattr(node, "name", None) == exported.__name__:
            yield from [_function(node)] if isinstance(node, ast.FunctionDef) else _class(node)


def test_private_names_are_left_out(tmp_path):
    package = tmp_path / "package"
    (package / "_inner").mkdir(parents=True)
    (package / "_inner" / "a.py").write_text("def f(): ...")
    (package / "_b.py").write_text("def f(): ...")
    (package / "c.py").write_text(
        "from dataclasses import dataclass\n"
        "_D = 1\nSIDE_PX: int = 3\n"
        "def _e(): ...\n"
        "def f(x: int, *, y: str = 'a') -> float: ...\n"
        "@dataclass(frozen=True)\nclass G:\n"
        "    h: int = 0\n    _i: int = 0\n"
        "    def _j(self): ...\n"
        "    @property\n    def k(self) -> int: ...\n"
    )
    assert _public_api(package) == (
        "package.c\n"
        "    SIDE_PX: int\n"
        "    def f(x: int, *, y: str='a') -> float\n"
        "    @dataclass(frozen=True) class G()\n"
        "        h: int = 0\n"
        "        @property def k(self) -> int\n"
    )
