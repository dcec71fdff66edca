"""Errors that monoface raises on purpose.

Every message says what was wrong, what was expected, what came instead, and what to do about it.
"""

_LONGEST = 600
"""Characters of a message: what is longer holds a file or a list, of which beginning and end tell enough."""


class MonofaceError(Exception):
    """Base of all errors that monoface raises on purpose.

    As text, its message is shortened in the middle where it is long, and characters that a terminal would act
    upon are escaped.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) > _LONGEST:
            left_out = len(text) - _LONGEST
            text = (
                f"{text[: _LONGEST * 2 // 3]} … ({left_out} characters left out) … {text[-_LONGEST // 3 :]}"
            )
        return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)


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


class MissingExtraError(MonofaceError):
    """What was asked for needs a package that only an extra of monoface installs."""
