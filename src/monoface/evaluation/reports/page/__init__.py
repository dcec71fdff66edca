"""A report as one self-contained HTML page: tables, inline SVG, pictures as data URIs, no scripts."""

from monoface.evaluation.reports.page.charts import Bar, Curve, bar_chart, curve_chart, scatter_chart
from monoface.evaluation.reports.page.heatmap import heat_map
from monoface.evaluation.reports.page.html import page_html
from monoface.evaluation.reports.page.model import Facts, Gallery, Page, Picture, Section, Stat, Table, Text
from monoface.evaluation.reports.page.pictures import landmarks_picture, picture_of

__all__ = [
    "Bar",
    "Curve",
    "Facts",
    "Gallery",
    "Page",
    "Picture",
    "Section",
    "Stat",
    "Table",
    "Text",
    "bar_chart",
    "curve_chart",
    "heat_map",
    "landmarks_picture",
    "page_html",
    "picture_of",
    "scatter_chart",
]
