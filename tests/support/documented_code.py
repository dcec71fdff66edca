"""Runs the Python of a documentation page: its files become modules under the names of their paths."""

import importlib.util
import re
import sys
from pathlib import Path

_BLOCK = re.compile(r"^```python\n# (?P<path>\S+\.py)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def load_documented_files(page, folder, monkeypatch):
    """Modules of a page by path; they are importable by their dotted names until the test ends."""
    modules = {}
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        path = Path(block["path"])
        name = ".".join(part for part in path.with_suffix("").parts if part != "src")
        file = folder / f"{name}.py"
        file.write_text(block["code"], encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, file)
        modules[block["path"]] = module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    return modules
