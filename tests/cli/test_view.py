import pytest

from monoface.cli.main import main


@pytest.fixture
def glb(tmp_path):
    path = tmp_path / "head.glb"
    path.write_bytes(b"glTF and what follows")
    return path


@pytest.fixture
def opened(monkeypatch):
    addresses = []
    monkeypatch.setattr("webbrowser.open", addresses.append)
    return addresses


def test_the_page_is_written_beside_the_file_and_opened(glb, opened, capsys):
    assert main(["view", str(glb)]) == 0
    page = glb.with_name("head.view.html")
    assert b'name="generator" content="monoface"' in page.read_bytes()
    assert opened == [page.as_uri()]
    assert capsys.readouterr().out.strip() == str(page)


def test_no_browser_is_opened_where_none_is_wanted(glb, opened):
    assert main(["view", str(glb), "--no-browser"]) == 0
    assert opened == []


def test_pages_of_ours_are_replaced_and_no_other_file(glb, opened, capsys):
    page = glb.with_name("head.view.html")
    assert main(["view", str(glb)]) == main(["view", str(glb)]) == 0
    page.write_text("<p>a diary</p>")
    assert main(["view", str(glb)]) == 2
    assert "no page of monoface" in capsys.readouterr().err
    assert page.read_text() == "<p>a diary</p>"
    assert main(["view", str(glb), "--overwrite"]) == 0


def test_a_missing_file_is_one_line(tmp_path, capsys):
    assert main(["view", str(tmp_path / "none.glb")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
