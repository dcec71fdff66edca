"""JSON that strangers wrote."""

import pytest

from monoface.core.json_text import parse_json


def test_values_come_back():
    assert parse_json(b'{"a": [1, null]}') == parse_json('{"a": [1, null]}') == {"a": [1, None]}


@pytest.mark.parametrize(("text", "message"), [("[" * 100_000, "nested too deeply"), ("{", "Expecting")])
def test_what_cannot_be_read_is_a_value_error(text, message):
    """Defect: text that is nested deeply was a RecursionError, which nobody expects."""
    with pytest.raises(ValueError, match=message):
        parse_json(text)
