"""The face parser: which pixels of a crop show bare skin."""

from monoface.methods.parsing.config import ParsingConfig
from monoface.methods.parsing.method import Parsing

__all__ = ["Parsing", "ParsingConfig"]
