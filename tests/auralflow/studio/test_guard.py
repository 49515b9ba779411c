"""Who may ask the server, and for what."""

import json

import pytest


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "evil.example"}, 400),
        ({"Host": "127.0.0.1.evil.example:80"}, 400),
        ({"Host": ""}, 400),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_requests_of_other_sites_are_refused(server, headers, status):
    assert (
        server.ask("GET", "/api/jobs", **{name.replace("-", "_"): value for name, value in headers.items()})[0]
        == status
    )


def test_the_servers_own_page_may_ask(server):
    assert server.ask("GET", "/api/jobs", Origin=f"http://127.0.0.1:{server.port}")[0] == 200


def test_other_computers_need_the_token(serve, tmp_path):
    server = serve(tmp_path, "--host", "0.0.0.0")
    token = server.lines[0].strip().partition("?token=")[2]
    assert len(token) >= 32
    assert server.ask("GET", "/api/jobs")[0] == 401
    assert server.ask("GET", "/api/jobs", Authorization="Bearer wrong")[0] == 401
    assert server.ask("GET", "/api/jobs", Authorization=f"Bearer {token}", Host="music.example:1")[0] == 200
    status, headers, _ = server.ask("GET", f"/api/jobs?token={token}")
    assert status == 200
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert server.ask("GET", "/api/jobs", Cookie=cookie.partition(";")[0])[0] == 200
    assert server.ask("GET", "/api/jobs", Cookie=cookie.partition(";")[0], Origin="http://evil.example")[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/api/jobs/..%2f..%2fetc/song",
        "/api/jobs/{id}/stems/..%2f..%2fjob.json",
        "/api/jobs/{id}/stems/%2e%2e%2fsong.wav",
        "/api/jobs/{id}/stems/job.json",
        "/api/jobs/%00/song",
    ],
)
def test_paths_stay_in_the_library(server, song, path):
    job = server.wait(server.send(song), "done")
    assert server.ask("GET", path.format(id=job["id"]))[0] == 404


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("name=a.wav&model=../../etc", 400, "unknown model"),
        ("name=", 400, "name"),
        ("name=%0a", 400, "name"),
        (f"name={'a' * 256}", 400, "name"),
        ("name=a.wav&format=exe", 422, "format"),
        ("model=x", 422, "name"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence_and_leaves_nothing(server, song, query, status, said):
    before = server.get("/api/space")
    answer = server.ask("POST", f"/api/jobs?{query}", song.read_bytes())
    assert answer[0] == status
    assert said in str(json.loads(answer[2])["detail"])
    assert server.get("/api/space")["songs"] == before["songs"]


def test_songs_are_bounded(server):
    assert server.ask("POST", "/api/jobs?name=a.wav", b"")[0] == 400
    assert server.ask("POST", "/api/jobs?name=a.wav", iter([b""]), Content_Length=str(1 << 40))[0] == 413
