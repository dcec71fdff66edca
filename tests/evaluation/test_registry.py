"""The table of benchmarks, and what it takes to add one."""

import dataclasses
import json

import pytest

from monoface.cli.evaluate import print_results
from monoface.core.errors import ConfigError
from monoface.evaluation.registry import BENCHMARKS, Benchmark, find_benchmark


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_a_configuration_with_a_place_for_its_report(name):
    config, run = find_benchmark(name).load()
    assert dataclasses.is_dataclass(config)
    assert "out" in {field.name for field in dataclasses.fields(config)}
    assert callable(run)


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match="benchmark lfw: expected one of aflw2000, aflw2000-dense"):
        find_benchmark("lfw")


def test_a_benchmark_is_one_file_and_one_line(tmp_path, capsys):
    """A toy benchmark: its module is all there is, and this line all that names it."""
    config, run = Benchmark("toy_benchmark", "score numbers").load()
    report = run(config(out=tmp_path / "toy.json", offset=2.0))
    written = json.loads((tmp_path / "toy.json").read_text())
    assert written["figures"]["all"] == {"error": 2.0}
    assert [case["errors"]["error"] for case in written["cases"]] == [0, 2, 4]
    page = (tmp_path / "toy.html").read_text()
    assert "toy numbers" in page
    assert "three numbers" in page
    print_results(report, tmp_path / "toy.json")
    printed = capsys.readouterr().out
    assert "data: three numbers" in printed
    assert "2.00" in printed
