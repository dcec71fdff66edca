"""Messages of errors: short, and harmless to a terminal."""

from monoface.core.errors import DataError


def test_a_long_message_is_shortened_in_the_middle():
    """Defect: what a picture held, read as a report, was printed as a whole: 198 kB."""
    text = str(DataError("a.json: expected a report, got " + "x" * 200_000 + ". Give a report."))
    assert len(text) < 700
    assert text.startswith("a.json: expected a report, got xxx")
    assert "characters left out) … xxx" in text
    assert text.endswith("xxx. Give a report.")


def test_usual_messages_stay_as_they_are():
    assert (
        str(DataError("photo é.jpg: expected one face,\ngot two."))
        == "photo é.jpg: expected one face,\ngot two."
    )
    assert str(DataError()) == ""


def test_what_terminals_act_upon_is_escaped():
    assert str(DataError("a\x1b[2Jb\x00\r")) == r"a\x1b[2Jb\x00\r"
