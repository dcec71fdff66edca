"""Options of detail of which nothing would be seen."""

from types import SimpleNamespace

import pytest

from monoface.cli.main import main
from monoface.cli.options.detail import refuse_unused_detail
from monoface.core.errors import ConfigError

PLAIN = {
    "detail": False,
    "dense": False,
    "detail_weights": "relief",
    "detail_size": None,
    "detail_strength": 1.0,
}


@pytest.mark.parametrize(
    ("options", "formats", "message"),
    [
        ({"dense": True}, ("obj",), r"glb or ply among the formats, got obj, .* Use --formats obj,glb"),
        ({"detail_size": 512}, ("glb",), "--detail-size 512: expected --detail too"),
        ({"detail_strength": 2.0}, ("glb",), "--detail-strength 2.0: expected --detail too"),
        ({"detail_weights": "mine"}, ("glb",), "--detail-weights mine: expected --detail too"),
    ],
)
def test_contradictions_are_refused(options, formats, message):
    with pytest.raises(ConfigError, match=message):
        refuse_unused_detail(SimpleNamespace(**PLAIN | options), formats)


@pytest.mark.parametrize("options", [{}, {"dense": True}, {"detail": True, "detail_size": 512}])
def test_what_goes_together_passes(options):
    refuse_unused_detail(SimpleNamespace(**PLAIN | options), ("obj", "ply"))


def test_the_command_line_says_it_before_anything_is_made(tmp_path, capsys):
    """Defect: no dense mesh was written, without a word."""
    code = main(["reconstruct", "me.jpg", "--out", str(tmp_path / "out"), "--dense", "--formats", "obj"])
    assert code == 2
    assert capsys.readouterr().err.startswith("monoface: --dense: expected glb or ply among the formats")
    assert not (tmp_path / "out").exists()
