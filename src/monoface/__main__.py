"""`python -m monoface COMMAND …`, where the program `monoface` is not on the path."""

import sys

from monoface.cli.main import console

if __name__ == "__main__":
    sys.exit(console())
