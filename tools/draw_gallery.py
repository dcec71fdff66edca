"""Draws the gallery of the documentation: pages of portraits, and pictures of them.

    python tools/draw_gallery.py DATA/portraits_cc0 --pages site/gallery
    python tools/draw_gallery.py DATA/portraits_cc0 --pictures docs/images/gallery

The portraits are generated, in the public domain, and not in the repository. A page holds a whole head, some
6 MB, so pages are written beside the documentation when it is built where the portraits are; pictures, of the
viewer in the Chromium of this machine, are small enough to be committed.
"""

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from monoface import PhotoResult, Reconstructor, ReconstructorConfig
from monoface.data.sources import UnlabelledPhotos

COUNT = 12
# WebGL without a graphics card.
SWITCHES = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
VIEWPORT = {"width": 1280, "height": 720}
TILE_PX = 240


def main() -> int:
    """Reconstruct the portraits, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=Path, help="folder for pages")
    parser.add_argument("--pictures", type=Path, help="folder for pictures")
    parser.add_argument("--stride", type=int, default=16, help="one portrait in so many is shown")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.pages or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        pages = []
        for number, result in enumerate(portraits(chosen.folder, chosen.stride)):
            pages.append(folder / f"{number + 1:02}.html")
            result.save(pages[-1], overwrite=True)
            print(f"{pages[-1]}: {result.name}, {result.reason}", flush=True)
        if chosen.pictures is not None:
            chosen.pictures.mkdir(parents=True, exist_ok=True)
            draw(pages, chosen.pictures)
    return 0


def portraits(folder: Path, stride: int) -> Iterator[PhotoResult]:
    """Results of portraits in which there is a face, evenly taken from the folder."""
    photos = UnlabelledPhotos(folder)
    reconstructor = Reconstructor(ReconstructorConfig(max_faces=1))
    found = 0
    for index in range(0, len(photos), stride):
        result = reconstructor.reconstruct(photos.image(index))
        if result.faces:
            yield result
            found += 1
        if found == COUNT:
            return


def draw(pages: list[Path], folder: Path) -> None:
    """Pictures of pages: the photo with its overlay, and the head in clay from two sides."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as started:
        browser: Browser = started.chromium.launch(executable_path=program, args=list(SWITCHES))
        for path in pages:
            page = browser.new_page(viewport=VIEWPORT, reduced_motion="reduce")
            page.goto(path.resolve().as_uri())
            page.wait_for_selector("html[data-ready]")
            tiles = [square(page, "#photo-frame")]
            page.locator("#looks [value=clay]").evaluate("element => element.click()")
            for view in ("quarter", "left"):
                page.locator(f"[data-view={view}]").click()
                page.wait_for_timeout(1500)
                tiles.append(square(page, "#canvas"))
            page.close()
            sheet = Image.new("RGB", (TILE_PX * len(tiles), TILE_PX))
            for column, tile in enumerate(tiles):
                sheet.paste(tile, (column * TILE_PX, 0))
            sheet.save(folder / f"{path.stem}.jpg", quality=85)
        browser.close()


def square(page: Page, selector: str) -> Image.Image:
    """The middle of what is seen of an element."""
    picture = Image.open(io.BytesIO(page.locator(selector).screenshot())).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side)).resize((TILE_PX, TILE_PX))


if __name__ == "__main__":
    sys.exit(main())
