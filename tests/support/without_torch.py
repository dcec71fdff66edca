"""Python code in a process in which PyTorch cannot be imported: as after `pip install monoface`."""

import subprocess
import sys

_BLOCK = """
import sys

class _NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, _NoTorch())
"""


def run_without_torch(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The finished process; `sys.argv[1:]` of the code are the arguments."""
    command = [sys.executable, "-c", _BLOCK + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
