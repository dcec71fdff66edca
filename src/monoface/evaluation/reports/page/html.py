"""From a `Page` to one HTML file that needs nothing else: no network, no scripts."""

import base64
from html import escape
from itertools import groupby
from pathlib import Path

from monoface.evaluation.reports.page.model import Block, Chart, Facts, Gallery, Page, Section, Table, Text

_STYLE = Path(__file__).with_name("style.css")


def page_html(page: Page) -> str:
    """The page; equal pages give equal text."""
    stats = "".join(
        f'<div class="stat"><div class="label">{escape(stat.label)}</div>'
        f'<div class="value">{escape(stat.value)}</div><div class="note">{escape(stat.note)}</div></div>'
        for stat in page.stats
    )
    style = _STYLE.read_text(encoding="utf-8")
    warnings = "".join(f"<p>{escape(warning)}</p>" for warning in page.warnings)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>\n{style}</style></head>\n<body><main>\n"
        f"<header><h1>{escape(page.title)}</h1><p>{escape(page.subtitle)}</p></header>\n"
        f'<div class="stats">{stats}</div>\n'
        + (f'<div class="warnings">{warnings}</div>\n' if warnings else "")
        + "\n".join(_section(section) for section in page.sections)
        + "\n<footer>Written by monoface. All figures are also in the JSON file beside this page.</footer>"
        "\n</main></body></html>\n"
    )


def _section(section: Section) -> str:
    parts = []
    for is_chart, blocks in groupby(section.blocks, lambda block: isinstance(block, Chart)):
        joined = "\n".join(map(_block, blocks))
        parts.append(f'<div class="charts">{joined}</div>' if is_chart else joined)
    return f"<section><h2>{escape(section.title)}</h2>\n" + "\n".join(parts) + "</section>"


def _block(block: Block) -> str:
    match block:
        case Table():
            return _table(block)
        case Facts():
            rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in block.facts.items())
            return f"<dl>{rows}</dl>"
        case Text():
            return f"<p>{escape(block.text)}</p>"
        case Chart():
            return (
                f'<figure><div class="chart">{block.svg}</div>'
                f"<figcaption>{escape(block.caption)}</figcaption></figure>"
            )
        case Gallery():
            return _gallery(block)


def _table(table: Table) -> str:
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _gallery(gallery: Gallery) -> str:
    pictures = "".join(
        f'<figure><img alt="{escape(picture.caption, quote=True)}" '
        f'src="data:{picture.media_type};base64,{base64.b64encode(picture.encoded).decode()}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
        for picture in gallery.pictures
    )
    caption = f"<p>{escape(gallery.caption)}</p>" if gallery.caption else ""
    return f'{caption}<div class="gallery">{pictures}</div>'
