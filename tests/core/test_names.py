import os

import pytest

from monoface.core.names import encodable, one_line, result_stem

NOT_UTF8 = os.fsdecode(b"lat\xe9")


def test_one_line_writes_what_cannot_be_printed_as_escapes():
    assert one_line("a\nb\u2028 [c] é") == "a\\nb\\u2028 [c] é"
    assert one_line(NOT_UTF8) == "lat\\udce9"


def test_encodable_text_is_unchanged_but_for_bytes_that_are_no_utf8():
    assert encodable("a\nbé") == "a\nbé"
    assert encodable(NOT_UTF8).encode() == b"lat\\udce9"


@pytest.mark.parametrize("stem", ["me", "Bildschirmfoto 9.41\u202fPM", "é" * 100, "a b#c%20"])
def test_ordinary_stems_stay(stem):
    assert result_stem(stem) == stem


def test_what_no_line_can_hold_is_written_as_in_addresses():
    assert result_stem("a\nb\r\x85") == "a%0Ab%0D%C2%85"
    assert result_stem(NOT_UTF8) == "lat%E9"
    assert result_stem("\ud800") == "%ED%A0%80"


@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125, "\n" * 80])
def test_long_stems_are_cut_and_stay_distinct(stem):
    short = result_stem(stem)
    assert 190 <= len(short.encode()) <= 200
    assert result_stem(stem + "y") != short
    assert result_stem(stem) == short
