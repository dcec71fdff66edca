"""Who may ask, and what answers say to browsers."""

import asyncio

import pytest
from served_photos import png, send

starlette = pytest.importorskip("starlette", reason="the extra serve is not installed")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8000"}, 421),
        ({"host": ""}, 421),
    ],
)
def test_other_sites_read_and_send_nothing(client, headers, status):
    for answer in (
        client.get("/v1/health", headers=headers),
        client.post("/v1/reconstruct", content=b"{", headers={"content-type": "application/json", **headers}),
    ):
        assert (answer.status_code == status) if status != 200 else (answer.status_code in (200, 422))
        assert "access-control-allow-origin" not in answer.headers


def test_every_answer_tells_browsers_to_be_careful(client):
    for path in ("/", "/v1/health", "/v1/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_pages_of_results_run_without_a_name(client):
    job = send(client, ("a.png", png())).json()
    policy = client.get(f"/v1/jobs/{job['id']}/files/photo-0.html").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy


def test_a_token_is_asked_for_and_becomes_a_cookie():
    from starlette.testclient import TestClient
    from toy_work import make_toy_work

    from monoface.serving.app import Server
    from monoface.serving.limits import ServeLimits

    server = Server(make_toy_work, ServeLimits(), token="secret")
    with TestClient(server.app, base_url="http://face.example") as client:
        assert client.get("/v1/health").status_code == 401
        assert client.get("/v1/health", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/v1/health", headers={"authorization": "Bearer secret"}).status_code == 200
        answer = client.get("/?token=secret", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=strict" in answer.headers["set-cookie"]
        assert client.get("/v1/health").status_code == 200


def test_a_slow_sender_is_told_and_let_go():
    from toy_work import make_toy_work

    from monoface.serving.app import Server
    from monoface.serving.limits import ServeLimits

    server = Server(make_toy_work, ServeLimits(upload_seconds=0.2))
    sent = []

    async def trickle():
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def keep(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/reconstruct",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
    }
    asyncio.run(server.app(scope, trickle, keep))
    assert sent[0]["status"] == 408
    assert b"whole request within" in sent[1]["body"]
