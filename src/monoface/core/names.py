"""Names of strangers' files, as they can be shown and as results can be called after them."""

import hashlib
import os
import unicodedata

# File systems allow names of 255 bytes; what is added to a stem takes less than the rest.
_LONGEST_STEM_BYTES = 200

# Line breaks, other control characters, and bytes that are no UTF-8: neither one line of a text file can hold
# them, nor all file systems.
_UNFIT = ("Cc", "Cs", "Zl", "Zp")


def one_line(text: str) -> str:
    """Text with everything that cannot be printed written as an escape: a line, in any encoding of Unicode.

    File names may hold line breaks, and bytes that are no UTF-8, which Python keeps as lone surrogates.
    """
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def encodable(text: str) -> str:
    """Text with bytes that are no UTF-8 written as escapes, so that every reader of JSON takes it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def result_stem(stem: str) -> str:
    r"""What results are called after a photo of that stem.

    Mostly the stem itself. Control characters, line breaks and bytes that are no UTF-8 become %XX, as in
    addresses (`a\nb` becomes `a%0Ab`); a stem of more than 200 bytes is cut, and ends in a digest of the
    whole, so that names of results are no longer than file systems allow.
    """
    plain = "".join(_percent(char) if unicodedata.category(char) in _UNFIT else char for char in stem)
    content = plain.encode()
    if len(content) <= _LONGEST_STEM_BYTES:
        return plain
    digest = hashlib.sha256(content).hexdigest()[:8]
    return content[: _LONGEST_STEM_BYTES - 9].decode("utf-8", "ignore") + f"~{digest}"


def _percent(char: str) -> str:
    try:
        content = os.fsencode(char)
    except UnicodeEncodeError:
        # A lone surrogate that stands for no byte, as names on Windows may have.
        content = char.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in content)


def said_of(error: Exception) -> str:
    """An error's kind and text, without what it holds besides: that may be a whole file."""
    return f"{type(error).__name__}: {error}"
