"""The app in a real browser: photos are dropped, worked on by toy work, shown and saved."""

import base64
import json
import zipfile

import pytest
from browsers import WatchedPage, headless_browsers
from served_photos import png

pytest.importorskip("uvicorn", reason="the extra serve is not installed")

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
DROP = """([name, kind, content]) => {
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    const dropped = new DataTransfer();
    dropped.items.add(new File([bytes], name, { type: kind }));
    for (const event of ["dragover", "drop"])
        document.getElementById("drop").dispatchEvent(
            new DragEvent(event, { bubbles: true, cancelable: true, dataTransfer: dropped }));
}"""


@pytest.fixture(scope="module")
def browser():
    with headless_browsers() as launch:
        yield launch()


@pytest.fixture
def opened(browser, address):
    """Function that opens the app as somebody sees it, and watches it."""
    contexts = []

    def open_app(viewport=DESKTOP, scheme="light", **more):
        contexts.append(browser.new_context(viewport=viewport, color_scheme=scheme, **more))
        watched = WatchedPage(contexts[-1])
        watched.page.goto(address)
        watched.page.wait_for_selector("#choose")
        return watched

    yield open_app
    for context in contexts:
        context.close()


def drop(page, name="me & you.png", kind="image/png", content=None):
    content = png() if content is None else content
    page.evaluate(DROP, [name, kind, base64.b64encode(content).decode()])


def ended(page, count=1):
    page.locator("#gallery a[download]").nth(count - 1).wait_for()


def test_a_dropped_photo_is_shown_and_saved(opened, address):
    watched = opened()
    page = watched.page
    drop(page)
    ended(page)
    assert page.inner_text("#gallery strong") == "me & you.png"
    assert page.inner_text("#gallery small") == "40 x 30"
    assert page.frame_locator("#viewer").locator("p").inner_text() == "page"
    with page.expect_download() as waiting:
        page.get_by_text("Download all").click()
    assert sorted(zipfile.ZipFile(waiting.value.path()).namelist()) == ["photo-0.html", "photo-0.json"]
    assert watched.complaints == []
    assert [url for url in watched.requests if not url.startswith((address, "data:", "blob:"))] == []


def test_several_photos_are_chosen_and_the_gallery_goes_back_to_them(opened):
    page = opened().page
    page.set_input_files("#files", [{"name": "a.png", "mimeType": "image/png", "buffer": png(20, 10)}])
    ended(page)
    files = [{"name": f"{name}.png", "mimeType": "image/png", "buffer": png()} for name in "bc"]
    page.set_input_files("#files", files)
    ended(page, 2)
    first = page.locator("#gallery li").nth(0)
    assert "b.png and 1 more" in first.inner_text()
    assert "2 of 2 photos" in first.inner_text()
    src = page.get_attribute("#viewer", "src")
    page.locator("#gallery li").nth(1).get_by_role("button", name="Show").click()
    assert page.get_attribute("#viewer", "src") != src


def test_several_photos_of_one_person_are_sent_together(opened):
    page = opened().page
    page.get_by_text("Several photos of one person").click()
    files = [{"name": f"{name}.png", "mimeType": "image/png", "buffer": png()} for name in "ab"]
    with page.expect_response("**/v1/reconstruct") as waiting:
        page.set_input_files("#files", files)
    assert json.loads(waiting.value.body())["mode"] == "together"


def test_what_is_refused_says_why(opened):
    page = opened().page
    drop(page, "text.png", content=b"no picture")
    page.wait_for_selector("#problem:not([hidden])")
    assert "Refused (415): text.png: expected a picture" in page.inner_text("#problem")
    drop(page, content=b"x" * 2_000_000)
    page.locator("#problem", has_text="Refused (413): expected at most 1 MB").wait_for()


def test_a_job_whose_worker_dies_says_so(opened):
    page = opened().page
    drop(page, "deadly.png")
    page.wait_for_selector("#gallery small")
    assert "was ended; send it again" in page.inner_text("#gallery small")


def test_every_control_is_reached_by_the_keyboard(opened):
    page = opened().page
    drop(page)
    ended(page)
    reached = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(e => e.id || e.textContent.trim())(document.activeElement)"))
    assert {"theme", "choose", "camera", "together", "Show", "Download all"} <= set(reached)


def test_on_a_phone_nothing_sticks_out(opened):
    page = opened(PHONE, has_touch=True, is_mobile=True, device_scale_factor=2).page
    drop(page, "a_very_long_name_without_a_space_" * 4 + ".png")
    ended(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(opened, repository, scheme, viewport):
    axe = repository / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        pytest.skip("ACCESSIBILITY WAS NOT CHECKED: axe-core is missing; npm ci in web/ brings it")
    page = opened(viewport, scheme, bypass_csp=True).page
    drop(page)
    ended(page)
    drop(page, "text.png", content=b"no picture")
    page.wait_for_selector("#problem:not([hidden])")
    page.evaluate(axe.read_text())
    # What a result's page shows is looked at by its own tests.
    found = page.evaluate("axe.run({ exclude: ['#viewer'] })")
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
