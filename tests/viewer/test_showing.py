"""Pages inside notebooks, and pages that a program opens."""

import html
import re
import sys
from types import SimpleNamespace

import pytest

from monoface.viewer import PageContents, embed_page, encode_page, show_page, showing


def test_the_frame_holds_the_page_and_nothing_that_runs_outside_of_it(contents):
    shown = embed_page(contents)
    picture, frame = shown.split("><iframe ")
    assert re.fullmatch(r'<img alt="[^"]*" style="[^"]*" src="data:image/jpeg;[^"]*"', picture)
    attributes = dict(re.findall(r'(\w+)="([^"]*)"', frame))
    assert html.unescape(attributes["srcdoc"]).encode() == encode_page(contents)
    assert "allow-same-origin" not in attributes["sandbox"]


def test_names_of_strangers_leave_no_attribute(contents):
    shown = embed_page(PageContents(title='"><script>alert(1)</script>', faces=contents.faces))
    assert "<script" not in shown
    assert shown.startswith("<iframe ")


def test_without_a_notebook_the_browser_opens_a_file(contents, monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(showing.webbrowser, "open", opened.append)
    monkeypatch.setattr(showing.tempfile, "tempdir", str(tmp_path))
    path = show_page(contents)
    assert path.read_bytes() == encode_page(contents)
    assert opened == [path.as_uri()]


def test_in_a_notebook_it_is_shown_below_the_cell(contents, monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown = []
    monkeypatch.setattr(display, "display", shown.append)
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: SimpleNamespace(kernel=object()))
    assert show_page(contents) is None
    assert shown[0].data == embed_page(contents)


def test_a_terminal_of_ipython_is_no_notebook(contents, monkeypatch, tmp_path):
    pytest.importorskip("IPython")
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", SimpleNamespace)
    monkeypatch.setattr(showing.webbrowser, "open", lambda _: True)
    monkeypatch.setattr(showing.tempfile, "tempdir", str(tmp_path))
    assert show_page(contents).suffix == ".html"
