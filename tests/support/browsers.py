"""A real browser for tests of pages, or the reason why there is none."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# WebGL without a graphics card.
_SOFTWARE = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
# Machines on which tests run are busy.
_PATIENCE_MS = 120_000


@contextmanager
def headless_browsers() -> Iterator[Callable[..., Any]]:
    """Function that starts a headless Chromium, with switches; the test is skipped where there is none."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="NO PAGE WAS OPENED: playwright is missing"
    )
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"NO PAGE WAS OPENED: none of {', '.join(_NAMES)} is installed")
    with playwright.sync_playwright() as started:
        browsers = []

        def launch(*switches: str) -> Any:
            arguments = ["--no-sandbox", *(switches or _SOFTWARE)]
            browsers.append(
                started.chromium.launch(executable_path=program, args=arguments, timeout=_PATIENCE_MS)
            )
            return browsers[-1]

        try:
            yield launch
        finally:
            for browser in browsers:
                browser.close()


class WatchedPage:
    """A page, what it said on its console, and what it asked of others."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(_PATIENCE_MS)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, address: str) -> Any:
        """Load a page of a result, and wait until its head is drawn."""
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]")
        return self.page

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning") and "GPU stall" not in message.text:
            self.complaints.append(message.text)
