import json

import pytest
from numpy.testing import assert_allclose

from monoface.cli.main import main
from monoface.core.errors import DataError
from monoface.evaluation.reports.comparison import compare_reports

YAW_DEG = [0, 10, 20, 40, 50, 70, 80]


def write(path, errors, benchmark="AFLW2000-3D", box="given"):
    photos = [
        {"key": f"p{row}", "yaw_deg": yaw, "nme_percent": error, "nme_percent_reannotated": None}
        for row, (yaw, error) in enumerate(zip(YAW_DEG, errors, strict=True))
    ]
    path.write_text(json.dumps({"benchmark": benchmark, "definition": {"data": box}, "photos": photos}))
    return path


def test_photos_are_compared_one_by_one_and_by_yaw(tmp_path):
    first = write(tmp_path / "a.json", [3, 4, 5, 4, 6, 9, 7])
    second = write(tmp_path / "b.json", [2.5, 3.5, 4.5, 3, 5, 8, None])
    comparison = compare_reports(first, second)
    assert comparison.cases == 6
    assert list(comparison.differences) == ["nme_percent"]
    by_group = comparison.differences["nme_percent"]
    assert list(by_group) == ["0-30", "30-60", "60-90", "bin_mean", "image_mean"]
    assert_allclose(by_group["0-30"].mean, -0.5)
    assert_allclose(by_group["bin_mean"].mean, (-0.5 - 1 - 1) / 3)
    assert_allclose(by_group["image_mean"].mean, (3 * -0.5 + 3 * -1) / 6)
    assert_allclose(by_group["image_mean"].first, (3 + 4 + 5 + 4 + 6 + 9) / 6)
    # All photos of a bin improved by the same, so no draw differs.
    assert by_group["30-60"].interval_95.low == by_group["30-60"].interval_95.high == -1
    assert by_group["30-60"].verdict == "second"


def test_an_interval_that_holds_0_is_no_verdict(tmp_path):
    first = write(tmp_path / "a.json", [3, 5, 4, 6, 5, 7, 6])
    second = write(tmp_path / "b.json", [4, 3, 5, 5, 7, 6, 7])
    difference = compare_reports(first, second).differences["nme_percent"]["image_mean"]
    assert difference.interval_95.low < 0 < difference.interval_95.high
    assert difference.verdict == "neither"
    back = compare_reports(second, first).differences["nme_percent"]["image_mean"]
    assert_allclose(back.mean, -difference.mean)


def test_cases_are_compared_by_group(tmp_path):
    def cases(path, offset):
        rows = [
            {
                "key": "x",
                "groups": ["selfie"],
                "errors": {"mean_mm": 1 + offset, "std_mm": None},
                "failure": "",
            },
            {"key": "y", "groups": ["neutral"], "errors": {"mean_mm": 2 - offset}, "failure": ""},
            {"key": "z", "groups": ["neutral"], "errors": {}, "failure": "no mesh"},
        ]
        path.write_text(json.dumps({"benchmark": "NoW", "cases": rows}))
        return path

    comparison = compare_reports(cases(tmp_path / "a.json", 0.0), cases(tmp_path / "b.json", 0.25))
    assert comparison.cases == 2
    by_group = comparison.differences["mean_mm"]
    assert list(by_group) == ["all", "neutral", "selfie"]
    assert [difference.mean for difference in by_group.values()] == [0, -0.25, 0.25]


def test_different_boxes_are_named_and_different_benchmarks_refused(tmp_path):
    first = write(tmp_path / "a.json", YAW_DEG)
    finding = compare_reports(first, write(tmp_path / "b.json", YAW_DEG, box="detector")).findings[0]
    assert finding.message == "the reports differ in data: 'given' and 'detector'."
    with pytest.raises(DataError, match="expected reports of one benchmark, got 'AFLW2000-3D' and 'NoW'"):
        compare_reports(first, write(tmp_path / "c.json", YAW_DEG, benchmark="NoW"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"photos": [1]}', r"a\.json: expected a report of monoface evaluate"),
        ("[]", r"a\.json: expected a report of monoface evaluate"),
        ('{"benchmark": "x", "photos": []}', "expected cases in common"),
    ],
)
def test_files_that_are_no_reports_are_not_compared(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=message):
        compare_reports(tmp_path / "a.json", tmp_path / "a.json")


def test_the_command_prints_and_writes(tmp_path, capsys):
    paths = [
        write(tmp_path / name, [error + shift for error in YAW_DEG])
        for name, shift in (("old.json", 1), ("new.json", 0))
    ]
    out = tmp_path / "page.html"
    assert main(["evaluate", "compare", *map(str, paths), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "-1.000 to -1.000" in printed
    assert "AFLW2000-3D: old and new" in out.read_text()
    assert main(["evaluate", "compare", *map(str, paths), "--out", str(out)]) == 2


def test_what_a_message_says_of_a_file_is_not_its_content(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"\x89PNG" + b"secret" * 1000)
    with pytest.raises(DataError, match="got UnicodeDecodeError: ") as refused:
        compare_reports(tmp_path / "photo.png", tmp_path / "photo.png")
    assert "secret" not in str(refused.value)
