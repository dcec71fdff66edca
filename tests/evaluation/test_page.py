import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scan_folders import face_cap

from monoface.evaluation.reports.page import (
    Bar,
    Curve,
    Facts,
    Gallery,
    Page,
    Section,
    Stat,
    Table,
    Text,
    bar_chart,
    curve_chart,
    heat_map,
    landmarks_picture,
    page_html,
    picture_of,
    scatter_chart,
)
from monoface.evaluation.reports.page.heatmap import heat_colours
from monoface.evaluation.reports.page.model import figure


class Outline(HTMLParser):
    """Checks that what is opened is closed, and collects what would be fetched."""

    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.tags = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def charts():
    line = np.linspace(0, 10, 21)
    return [
        curve_chart([Curve("a <b>", line, line**2)], x_label="x & y", y_label="y", caption="curves"),
        scatter_chart(
            line, line, x_label="x", y_label="y", caption="points", trend=Curve("mean", 2 * line, line)
        ),
        bar_chart([Bar("0-30", 2.0, 1.5, 2.5), Bar("none", float("nan"))], y_label="y", caption="bars"),
    ]


@pytest.fixture
def page():
    grey = np.full((20, 30, 3), 128, np.uint8)
    return Page(
        title="A <title>",
        subtitle="one & two",
        stats=[Stat("label", "3.75 %", "95 %: 3.45 to 4.10")],
        sections=[
            Section("tables", [Table(("name", "value"), [["row", "1.00"]], "caption"), Text("text")]),
            Section("charts", charts()),
            Section("pictures", [Gallery([picture_of(grey, "grey")], "all grey")]),
            Section("facts", [Facts({"SHA-256": "ab" * 32})]),
        ],
        warnings=("mind <this>",),
    )


def test_a_page_is_whole_escaped_and_fetches_nothing(page):
    html = page_html(page)
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert outline.tags.count("svg") == 3
    assert "script" not in outline.tags
    assert "link" not in outline.tags
    assert all(address.startswith("data:image/webp;base64,") for address in outline.fetched)
    assert not re.search(r"https?://", html)
    assert "A &lt;title&gt;" in html
    assert "mind &lt;this&gt;" in html
    assert page_html(page) == html


@pytest.mark.parametrize("chart", charts(), ids=lambda chart: chart.caption)
def test_charts_are_well_formed_and_stay_within_their_frame(chart):
    root = ElementTree.fromstring(chart.svg)
    width, height = map(float, root.get("viewBox").split()[2:])
    for element in root.iter():
        for name, limit in (
            ("x", width),
            ("cx", width),
            ("x1", width),
            ("y", height),
            ("cy", height),
            ("y1", height),
        ):
            if element.get(name) is not None:
                assert 0 <= float(element.get(name)) <= limit
    for line in root.iter("polyline"):
        points = np.array([point.split(",") for point in line.get("points").split()], float)
        assert (points >= 0).all()
        assert (points <= (width, height)).all()


def test_a_curve_begins_and_ends_where_it_should():
    chart = curve_chart(
        [Curve("c", np.array([0.0, 10]), np.array([0.0, 50]))], x_label="", y_label="", caption="", y_max=100
    )
    points = ElementTree.fromstring(chart.svg).find("polyline").get("points").split()
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in points)
    assert (x0, x1) == (56, 622)
    assert_allclose(y1, (y0 + 16) / 2)


def test_empty_charts_are_drawn_too():
    nothing = np.zeros(0)
    for chart in (
        curve_chart([Curve("none", nothing, nothing)], x_label="", y_label="", caption=""),
        scatter_chart(nothing, nothing, x_label="", y_label="", caption=""),
        bar_chart([], y_label="", caption=""),
    ):
        ElementTree.fromstring(chart.svg)


def test_numbers_as_text():
    assert figure(3.14159) == "3.14"
    assert figure(3.14159, 1, " mm") == "3.1 mm"
    assert figure(None) == figure(float("nan")) == "-"


def test_colours_grow_brighter_with_the_error_and_are_grey_without_one():
    colours = heat_colours(np.array([0, 1, 2, np.nan]), 4)
    assert_allclose(colours[3], 0.72)
    assert colours[0].sum() < colours[1].sum() < colours[2].sum()
    assert_allclose(heat_colours(np.array([9.0]), 4), heat_colours(np.array([4.0]), 4))


def test_a_heat_map_shows_the_error_where_it_is():
    verts, faces, _ = face_cap(side=21)
    errors = np.where(verts[:, 0] > 0, 5.0, 0.0)
    image = heat_map(verts, faces, errors, 5.0).astype(int)
    assert image.shape == (300, 300, 3)
    rows = image[140:160]
    left, right = rows[:, 100:140].mean(axis=(0, 1)), rows[:, 160:200].mean(axis=(0, 1))
    # The subject's left, +x, is at the right of the picture.
    assert right[0] > left[0] + 80
    assert heat_map(verts, faces, np.full(len(verts), np.nan), 5.0).shape == (300, 300, 3)


def test_landmarks_are_drawn_in_their_colours():
    from io import BytesIO

    from PIL import Image

    black = np.zeros((100, 100, 3), np.uint8)
    true, predicted = np.array([[20.0, 20], [80, 80]]), np.array([[20.0, 60], [np.nan, np.nan]])
    picture = landmarks_picture(black, true, predicted, "x")
    pixels = np.asarray(Image.open(BytesIO(picture.encoded)).convert("RGB")).astype(int)
    green = (pixels[..., 1] > 150) & (pixels[..., 0] < 120)
    red = (pixels[..., 0] > 150) & (pixels[..., 1] < 130)
    # 37.2 px to each side of (50, 50) are shown.
    zoom = 240 / 74.4
    for mask, place in ((green, (20, 20)), (green, (80, 80)), (red, (20, 60))):
        x, y = ((value - 12.8) * zoom for value in place)
        assert mask[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].any()
