"""One HTML file that shows a result: photo, overlay and head, with all that they need in it.

Knows photos and files, no face model: whoever has a result says by `PageContents` what a page shows.
"""

from monoface.viewer.contents import PageContents, PageFace, PagePhoto, PictureOfPage
from monoface.viewer.opening import open_file, shared_face
from monoface.viewer.page import MOST_HEADS, encode_page
from monoface.viewer.showing import embed_page, show_page

__all__ = [
    "MOST_HEADS",
    "PageContents",
    "PageFace",
    "PagePhoto",
    "PictureOfPage",
    "embed_page",
    "encode_page",
    "open_file",
    "shared_face",
    "show_page",
]
