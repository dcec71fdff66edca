"""The page on adding a benchmark does what it says."""

from documented_code import load_documented_files


def test_the_benchmark_of_the_page_works(repository, tmp_path, monkeypatch):
    files = load_documented_files(repository / "docs/howto/benchmark.md", tmp_path, monkeypatch)
    tested = files["tests/evaluation/landmarks/test_eye_distance.py"]
    tested.test_errors_are_parts_of_the_marked_distance(tmp_path)
