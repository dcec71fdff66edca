"""Curves of a run, from its log."""

import json

import pytest

from monoface.cli.console.curves import curves_of, sparkline, write_curves


@pytest.fixture
def run(tmp_path):
    (tmp_path / "second").mkdir()
    for folder, start in ((tmp_path, 0), (tmp_path / "second", 10)):
        lines = [
            {"step": start + 1, "kind": "train", "total": 2.0, "rate": 0.1, "other": 1.0},
            {"step": start + 2, "kind": "train", "samples_per_second": 3.0, "total": 1.0},
            {"step": start + 2, "kind": "validation", "aflw": 5.0},
        ]
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_losses_and_validation_of_every_part_are_found(run):
    curves = {curve.name: curve for curve in curves_of(run)}
    assert list(curves) == ["loss", "aflw", "second: loss", "second: aflw"]
    assert curves["loss"].steps == (1, 2)
    assert curves["second: loss"].values == (2.0, 1.0)
    assert curves["loss"].as_line().split() == ["loss", "2", "→", "1", "█▁"]


def test_a_folder_without_a_log_has_no_curves(tmp_path):
    assert curves_of(tmp_path) == []
    assert curves_of(tmp_path / "none.safetensors") == []


@pytest.mark.parametrize(
    ("values", "row"),
    [([], ""), ([1.0], "▁"), ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"), ([float("nan"), 2, 1], "█▁")],
)
def test_values_are_a_row_of_blocks(values, row):
    assert sparkline(values) == row


def test_long_curves_are_averaged_to_a_line():
    assert len(sparkline(range(1000))) == 32


def test_the_page_has_a_chart_for_each(run):
    page = write_curves(curves_of(run), "it", run / "curves.html").read_text()
    assert page.count("<polyline") == 4
    assert "Training of it" in page
