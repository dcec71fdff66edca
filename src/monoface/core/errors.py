"""Errors that monoface raises on purpose.

Every message says what was wrong, what was expected, what came instead, and what to do about it.
"""


class MonofaceError(Exception):
    """Base of all errors that monoface raises on purpose."""


class AssetError(MonofaceError):
    """A shipped asset is missing, or its content does not match the manifest."""


class ModelFileError(MonofaceError):
    """A face-model file of the user's cannot be read, or is not what it claims to be."""


class ImageError(MonofaceError):
    """An input picture cannot be read."""


class DataError(MonofaceError):
    """A data set or an annotation file does not have the expected layout."""


class ConfigError(MonofaceError):
    """A configuration combines values that cannot work together."""


class DivergedError(MonofaceError):
    """Training has arrived at losses that are not finite."""


class CheckpointError(MonofaceError):
    """A checkpoint is damaged, or belongs to another configuration."""


class OutputExistsError(MonofaceError):
    """A result would replace a file that exists, and replacing was not asked for."""
