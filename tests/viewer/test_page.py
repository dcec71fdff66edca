import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest

from monoface.viewer import MOST_HEADS, PageContents, PageFace, encode_page

# What is asked of a page beside its heads.
MOST_BYTES = 2_500_000


def embedded(page, name):
    found = re.search(rf'<script type="[^"]*" id="{name}"[^>]*>(.*?)</script>', page, re.DOTALL)
    return None if found is None else found[1]


def told(page):
    return json.loads(embedded(page, "contents"))


def test_the_page_holds_each_file_byte_by_byte(contents, glb):
    page = encode_page(contents).decode()
    faces = told(page)["faces"]
    assert [face["file_name"] for face in faces] == ["me & you.face0.glb", "me & you.face1.glb"]
    assert base64.b64decode(embedded(page, faces[0]["model"])) == glb
    assert base64.b64decode(embedded(page, faces[1]["model"])) == contents.faces[1].glb
    photo = told(page)["photos"][0]
    for name in (photo["picture"], photo["overlay"]):
        assert base64.b64decode(embedded(page, name))[:3] == b"\xff\xd8\xff"


def test_a_head_that_faces_share_is_stored_once(contents, glb):
    faces = tuple(replace(contents.faces[0], label=label) for label in ("a", "b", "c"))
    page = encode_page(replace(contents, faces=faces)).decode()
    assert {face["model"] for face in told(page)["faces"]} == {"model-0"}
    assert page.count(base64.b64encode(glb).decode()) == 1


def test_beside_its_heads_a_page_keeps_within_its_bytes(contents, glb):
    page = encode_page(replace(contents, faces=contents.faces[:1]))
    assert len(page) - len(base64.b64encode(glb)) <= MOST_BYTES


def test_the_policy_allows_this_script_and_this_style_and_no_request(contents):
    page = encode_page(contents).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for rule, text in (
        ("script-src", page[page.rindex("<script>") + 8 : page.rindex("</script>")]),
        ("style-src", re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]),
    ):
        assert rules[rule] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "blob:"
    assert set(rules["img-src"].split()) == {"data:", "blob:"}


@pytest.mark.parametrize(
    "text", ["</script><script>alert(1)</script>", "<!--<script>", "</title><b>", "a\ud800b"]
)
def test_names_of_strangers_end_no_element(contents, text):
    face = replace(contents.faces[0], file_name=text, label=text)
    hostile = replace(
        contents, title=text, reason=text, warnings=(text,), faces=(face,), report={"name": "</script>"}
    )
    page = encode_page(hostile).decode()
    harmless = encode_page(replace(contents, faces=contents.faces[:1], report={"name": ""})).decode()
    for tag in ("<script", "</script", "<!--", "</title", "<b>"):
        assert page.count(tag) == harmless.count(tag)
    assert told(page)["faces"][0]["label"] == text


def test_a_page_of_a_crowd_says_what_it_leaves_out(glb):
    faces = tuple(PageFace(f"Face {number}", glb, f"{number}.glb") for number in range(MOST_HEADS + 3))
    found = told(encode_page(PageContents(title="crowd", faces=faces)).decode())
    assert len(found["faces"]) == MOST_HEADS
    assert found["warnings"] == [f"This page holds {MOST_HEADS} of {MOST_HEADS + 3} faces, the largest ones."]


def test_the_same_contents_give_the_same_page(contents):
    assert encode_page(contents) == encode_page(contents)
