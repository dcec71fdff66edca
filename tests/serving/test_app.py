"""The API from outside: what is asked, what is answered, and what is left on disk."""

import base64
import io
import json
import time
import zipfile

import pytest
from served_photos import png, send

starlette = pytest.importorskip("starlette", reason="the extra serve is not installed")


def refused(answer, status, text):
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert text in answer.json()["reason"]


def test_photos_come_back_as_results(client):
    answer = send(client, ("a.png", png(40, 30)), ("b.png", png(20, 10)))
    assert answer.status_code == 200
    job = answer.json()
    assert (job["state"], job["photos"]) == ("done", ["a.png", "b.png"])
    assert [one["reason"] for one in job["results"]] == ["40 x 30", "20 x 10"]
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert client.get(f"/v1/jobs/{job['id']}").json() == job
    found = client.get(f"/v1/jobs/{job['id']}/files/photo-1.json")
    assert (found.json(), found.headers["content-type"]) == ({"size": "20 x 10"}, "application/json")


def test_json_does_what_a_form_does(client):
    photo = {"name": "a.png", "data": base64.b64encode(png(33, 22)).decode()}
    answer = client.post("/v1/reconstruct?wait=20", json={"photos": [photo], "mode": "together"})
    assert answer.json()["results"][0]["reason"] == "33 x 22"
    assert answer.json()["mode"] == "together"


def test_without_waiting_the_job_is_followed_by_its_events(client):
    answer = send(client, ("a.png", png()), wait=0)
    assert answer.status_code == 202
    told = []
    with client.stream("GET", f"/v1/jobs/{answer.json()['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told += [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    assert told[-1]["state"] == "done"
    assert told[-1]["results"][0]["reason"] == "40 x 30"


def test_all_files_come_in_one(client):
    job = send(client, ("a.png", png())).json()
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"/v1/jobs/{job['id']}/all.zip").content))
    assert sorted(archive.namelist()) == ["photo-0.html", "photo-0.json"]


def test_photos_go_when_they_are_worked_on_and_results_when_asked(client):
    job = client.server.jobs.get(send(client, ("a.png", png())).json()["id"])
    assert not (job.folder / "in").exists()
    assert client.delete(f"/v1/jobs/{job.id}").status_code == 204
    assert not job.folder.exists()
    refused(client.get(f"/v1/jobs/{job.id}"), 404, "no such job")


def test_names_make_no_paths(client):
    for name in ("../../../etc/passwd", "..\\..\\x", "/abs", "a\x00b", "", "\u202egnp"):
        job = send(client, (name or "x", png())).json()
        assert "/" not in job["photos"][0]
        folder = client.server.jobs.get(job["id"]).folder
        assert sorted(path.name for path in folder.rglob("*")) == ["out", "photo-0.html", "photo-0.json"]


@pytest.mark.parametrize("name", ["..%2f..%2fin%2f0", "%2e%2e", "photo-0.glb", "photo-0.json%00", "in"])
def test_only_results_are_handed_out(client, name):
    job = send(client, ("a.png", png())).json()
    assert client.get(f"/v1/jobs/{job['id']}/files/{name}").status_code == 404


def test_a_worker_that_dies_is_told_and_the_next_job_is_done(client):
    job = send(client, ("deadly.png", png())).json()
    assert (job["state"], job["results"]) == ("failed", [])
    assert "ended" in job["reason"]
    assert send(client, ("a.png", png())).json()["state"] == "done"


def test_a_worker_that_is_killed_from_outside_is_told(client):
    job = send(client, ("slow.png", png()), wait=0).json()
    worker = client.server.workers[0]
    deadline = time.monotonic() + 30
    while worker.pid is None and time.monotonic() < deadline:
        time.sleep(0.05)
    worker._process.kill()
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        last = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")][-1]
    assert last["state"] == "failed"


@pytest.mark.parametrize(
    ("files", "data", "status", "text"),
    [
        ([("a.png", b"no picture at all")], {}, 415, "expected a picture"),
        ([("a.png", b"")], {}, 415, "empty file"),
        ([("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")], {}, 415, "expected a picture"),
        ([("a.png", png(2000, 2000))], {}, 413, "at most 1 megapixels"),
        ([("a.png", png())] * 4, {}, 413, "at most 3 photos"),
        ([("a.png", png())] * 9, {}, 413, "Too many files"),
        ([("a.png", png())], {"mode": "sideways"}, 422, "each or together"),
    ],
)
def test_what_is_not_taken_is_refused_with_its_reason(client, files, data, status, text):
    refused(send(client, *files, **data), status, text)


@pytest.mark.parametrize(
    ("body", "kind", "status", "text"),
    [
        (b"{", "application/json", 422, "no JSON"),
        (b"[" * 100_000, "application/json", 422, "no JSON"),
        (b"[]", "application/json", 422, "expected"),
        (b'{"photos": []}', "application/json", 422, "at least one photo"),
        (b'{"photos": [{"data": "***"}]}', "application/json", 422, "base 64"),
        (b"photo=1", "application/x-www-form-urlencoded", 415, "expected multipart"),
        (b"garbage", "multipart/form-data; boundary=x", 422, "form cannot be read"),
        (b"garbage", "multipart/form-data", 422, "form"),
    ],
)
def test_bodies_that_say_nothing_are_refused(client, body, kind, status, text):
    answer = client.post("/v1/reconstruct", content=body, headers={"content-type": kind})
    refused(answer, status, text)


def test_too_large_a_body_is_refused_whether_it_says_so_or_not(client):
    kind = {"content-type": "application/json"}
    refused(client.post("/v1/reconstruct", content=b"x" * 300_000, headers=kind), 413, "MB in one request")
    pieces = (b"x" * 50_000 for _ in range(8))
    refused(client.post("/v1/reconstruct", content=pieces, headers=kind), 413, "MB in one request")


def test_more_jobs_than_may_wait_are_put_off(client):
    answers = [send(client, ("slow.png", png()), wait=0) for _ in range(5)]
    codes = [answer.status_code for answer in answers]
    assert codes[0] == 202
    assert codes[-1] == 429
    assert answers[-1].headers["retry-after"] == "5"
    assert "wait already" in answers[-1].json()["reason"]


def test_what_is_no_address_has_a_reason(client):
    refused(client.get("/v1/nothing"), 404, "Not Found")
    refused(client.get("/v1/reconstruct"), 405, "Method Not Allowed")


def test_the_description_names_every_address_and_nothing_else(client):
    described = {
        (path, method.upper())
        for path, methods in client.get("/v1/openapi.json").json()["paths"].items()
        for method in methods
    }
    routes = {
        (route.path, method) for route in client.app.routes for method in route.methods if method != "HEAD"
    }
    assert described == routes - {("/", "GET"), ("/v1/openapi.json", "GET")}


def test_results_are_forgotten_after_their_time(client, monkeypatch):
    job = client.server.jobs.get(send(client, ("a.png", png())).json()["id"])
    job.ended -= client.server.limits.keep_seconds + 1
    client.server.jobs.forget_old()
    assert not job.folder.exists()
