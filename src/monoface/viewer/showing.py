"""Show a page from a program: in the notebook that runs it, or else in the browser."""

import base64
import html
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

from monoface.viewer.contents import PageContents
from monoface.viewer.page import encode_page
from monoface.viewer.pictures import encode_pictures

_HEIGHT_PX = 760
# The picture above the page, which remains where a notebook is shown without its scripts.
_PICTURE_BYTES = 60_000


def embed_page(contents: PageContents) -> str:
    """HTML for the output of a notebook's cell: the overlay, and below it the page in a frame.

    The frame runs nothing of the notebook and reads nothing of it. It holds the heads, some 5 MB each.
    """
    page = html.escape(encode_page(contents).decode())
    title = html.escape(contents.title)
    return (
        f"{_picture(contents)}"
        f'<iframe srcdoc="{page}" title="{title}" sandbox="allow-scripts allow-downloads allow-modals" '
        f'style="width:100%;height:{_HEIGHT_PX}px;border:1px solid #8884;border-radius:8px"></iframe>'
    )


def show_page(contents: PageContents) -> Path | None:
    """Show a page below the running cell of a notebook; without a notebook, in the browser.

    Returns:
        The file that was opened in the browser, which stays in the folder for temporary files; None in a
        notebook.
    """
    if _in_notebook():
        from IPython.display import HTML, display

        display(HTML(embed_page(contents)))
        return None
    with tempfile.NamedTemporaryFile(prefix="monoface-", suffix=".html", delete=False) as file:
        file.write(encode_page(contents))
    path = Path(file.name)
    webbrowser.open(path.as_uri())
    return path


def _in_notebook() -> bool:
    """Whether a kernel runs this: a terminal of IPython shows no HTML."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _picture(contents: PageContents) -> str:
    if not contents.photos:
        return ""
    photo = contents.photos[0]
    picture = photo.picture if photo.overlay is None else photo.overlay
    encoded = base64.b64encode(encode_pictures([picture], _PICTURE_BYTES)[0]).decode()
    name = html.escape(photo.name)
    return (
        f'<img alt="{name}" style="max-width:100%;max-height:320px" src="data:image/jpeg;base64,{encoded}">'
    )
