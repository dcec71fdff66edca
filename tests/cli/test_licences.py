"""`monoface licences`: what is stated of what is installed and of results, and what is refused."""

import json

import pytest

from monoface.cli.main import main
from monoface.core.assets import asset_names, asset_sha256
from monoface.core.terms import allows_commercial_use, installed_terms


@pytest.fixture
def report(tmp_path):
    """Function that writes a report of a result that these files made."""

    def write(**sha256):
        path = tmp_path / "photo.json"
        path.write_text(json.dumps({"made_with": {"sha256": sha256}}))
        return str(path)

    return write


def test_everything_that_is_shipped_is_listed(capsys):
    assert main(["licences"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n{name}  [" in told for name in asset_names())


def test_what_the_notice_calls_research_is_refused_and_nothing_else():
    research = {"detail", "eyes", "mgcnet", "monoface", "parsing", "pretrain", "twodasl"}
    refused = {part.name for part in installed_terms() if not part.commercial}
    assert refused == {f"{name}.safetensors" for name in research}


def test_a_commercial_use_is_refused_with_its_own_exit_code(capsys):
    assert main(["licences", "--require", "commercial"]) == 3
    assert "not known to allow commercial use: detail.safetensors" in capsys.readouterr().out


def test_a_result_is_judged_by_what_made_it(report, capsys):
    free = {name: asset_sha256(name) for name in ("face_model.safetensors", "blazeface_full.onnx")}
    assert main(["licences", report(**free), "--require", "commercial"]) == 0
    assert "monoface.safetensors" not in capsys.readouterr().out
    # Under another name the weights are the same.
    renamed = report(**free, mine=asset_sha256("monoface.safetensors"))
    assert main(["licences", renamed, "--require", "commercial"]) == 3
    assert "monoface.safetensors" in capsys.readouterr().out


def test_unknown_weights_are_not_taken_for_free(report, capsys):
    assert main(["licences", report(**{"own.safetensors": "0" * 64}), "--require", "commercial"]) == 3
    assert "own.safetensors  [no commercial use]\n    unknown" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"made_with": {}}', '{"photos": [{}]}'])
def test_what_is_no_report_is_refused(text, tmp_path, capsys):
    (tmp_path / "x.json").write_text(text)
    assert main(["licences", str(tmp_path / "x.json")]) == 2
    assert "expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("terms", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0", True),
        ("CC BY 4.0", True),
        ("CC BY-NC-SA 4.0", False),
        ("CC BY-NC 4.0", False),
        ("MIT; the weights are for research", False),
        ("Synthetic heads: no photo of anybody.", False),
        ("", False),
    ],
)
def test_words_are_read_with_care(terms, allowed):
    assert allows_commercial_use(terms) is allowed
