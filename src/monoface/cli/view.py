"""`monoface view FILE.glb|RESULT.json`: a page that shows it, in the browser."""

import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from monoface.core.errors import OutputExistsError
from monoface.core.files import write_atomically
from monoface.core.names import one_line
from monoface.viewer import encode_page, open_file

# What pages of ours begin with, within so many bytes.
_MARK, _MARK_WITHIN = b'<meta name="generator" content="monoface">', 2048


@dataclass(frozen=True)
class ViewArguments:
    """Show a GLB file, or the result of a photo or of several, in the browser.

    Writes one HTML file that has all in it and loads nothing: it can be sent to somebody, and works without a
    network. Exit code: 0 fine, 2 usage error or a file that cannot be read or written.
    """

    file: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FILE.glb|RESULT.json")]]
    """A GLB file, also of another program, or the report of `reconstruct` or `together`."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="PAGE.html")] = None
    """Where the page goes: by default beside the file, as FILE.view.html."""
    photo: Annotated[Path | None, tyro.conf.arg(metavar="PHOTO")] = None
    """The photo that a report is of. By default it is looked for beside the report and in the present folder;
    where it is not, the page shows the overlay alone."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace a file that is no page of ours; pages are replaced in any case."""
    no_browser: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Write the page, and open no browser."""


def run(arguments: Sequence[str]) -> int:
    """Run the command with the words after its name."""
    chosen = tyro.cli(ViewArguments, prog="monoface view", args=list(arguments))
    page = chosen.out or chosen.file.with_name(f"{chosen.file.stem}.view.html")
    if not chosen.overwrite:
        _refuse_foreign(page)
    write_atomically(page, encode_page(open_file(chosen.file, chosen.photo)), overwrite=True)
    print(one_line(str(page)))
    if not chosen.no_browser:
        # Where there is no browser, the line above says what to open.
        webbrowser.open(page.resolve().as_uri())
    return 0


def _refuse_foreign(page: Path) -> None:
    """Raise if there is a file that is no page of ours."""
    try:
        with page.open("rb") as file:
            ours = _MARK in file.read(_MARK_WITHIN)
    except FileNotFoundError:
        return
    if not ours:
        raise OutputExistsError(
            f"{page}: exists and is no page of monoface. Choose another --out, or --overwrite."
        )
