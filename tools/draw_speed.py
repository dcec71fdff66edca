"""Draw the bar chart of `monoface benchmark --against … --json FILE`.

    python tools/draw_speed.py FILE.json docs/images/speed.svg

A group of bars for each size of the photo, a bar for each program: its time by that of the first peer.
"""

import argparse
import json
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

_FORMAT = "monoface-speed-1"
_COLOURS = ("#2f6fab", "#8ab4d8", "#777777", "#b5b5b5")
_LEFT, _WIDTH, _BAR, _GAP, _TOP = 330, 420, 18, 16, 34


def draw(report: dict[str, Any]) -> str:
    """The chart as SVG."""
    if report.get("format") != _FORMAT:
        raise SystemExit(f"expected a file of format {_FORMAT}, got {report.get('format')}")
    rows = report["rows"]
    longest = max(row["ratio"] for row in rows)
    parts, y = [], _TOP
    for side, group in groupby(rows, key=lambda row: row["side_px"]):
        for colour, row in zip(_COLOURS, group, strict=False):
            length = _WIDTH * row["ratio"] / longest
            middle = y + _BAR / 2 + 4
            label = f"{escape(row['program'])}, {side} px"
            parts += [
                f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{label}</text>',
                f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR - 3}" fill="{colour}"/>',
                f'<text x="{_LEFT + length + 6:.1f}" y="{middle}">{row["ratio"]:.1f}</text>',
            ]
            y += _BAR
        y += _GAP
    title = f"Time by that of {escape(rows[2]['program'])} on the same photo"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 60}" height="{y}" '
            'font-family="sans-serif" font-size="12">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="{_LEFT}" y="20" font-weight="bold">{title}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="what the command wrote")
    parser.add_argument("chart", type=Path, help="SVG file")
    arguments = parser.parse_args()
    report = json.loads(arguments.report.read_text(encoding="utf-8"))
    arguments.chart.write_text(draw(report), encoding="utf-8")


if __name__ == "__main__":
    main()
