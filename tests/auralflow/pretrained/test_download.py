import hashlib
import http.server
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from wheels import sha256

from auralflow.pretrained import web
from auralflow.pretrained.download import Wheel, fetch
from auralflow.pretrained.web import WebFile
from auralflow_core.errors import InputError

BODY = bytes(range(256)) * 5000  # more than one block

BROKEN = {  # answers that are no HTTP, or hardly
    "/nothing": b"",
    "/noise": bytes(range(256)),
    "/status": b"HTTP/1.1 abc OK\r\n\r\n",
    "/length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc",
    "/negative": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
    "/huge": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nabc",
    "/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc",
    "/badchunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
    "/header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "/headers": b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200 + b"\r\n",
    "/endless": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000,
    "/loop": b"HTTP/1.1 302 Found\r\nLocation: /loop\r\n\r\n",
    "/away": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
}


class Server(http.server.BaseHTTPRequestHandler):
    """Serves BODY: /file whole or in ranges, /plain always whole, /short without its end; /wrong is something else."""

    asked: list = []

    def do_GET(self):
        Server.asked.append((self.path, self.headers.get("Range")))
        start = (
            int(self.headers["Range"][6:-1])
            if "Range" in self.headers and self.path in ("/file", "/cut", "/elsewhere")
            else 0
        )
        if self.path == "/none":
            return self.send_error(404)
        if self.path in BROKEN:
            return self.wfile.write(BROKEN[self.path])
        if self.path == "/cut" and not start:  # breaks off after the first block, and goes on when asked
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            return self.wfile.write(BODY[:300_000])
        if start >= len(BODY):
            return self.send_error(416)
        body = BODY[::-1] if self.path == "/wrong" else BODY[start:]
        self.send_response(206 if start else 200)
        if start:
            begin = start + (self.path == "/elsewhere")
            self.send_header("Content-Range", f"bytes {begin}-{len(BODY) - 1}/{len(BODY)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1000] if self.path == "/short" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """The address of a server in this process."""
    Server.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_file_is_fetched_once(server, home):
    file = WebFile(f"{server}/file", sha256(BODY)[:8])
    path = fetch(file)
    assert (path, path.read_bytes()) == (home / "downloads" / "file", BODY)
    assert fetch(file) == path and fetch(file, offline=True) == path
    assert Server.asked == [("/file", None)] and [path.name for path in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("there", [1, 300_000, len(BODY)])
@pytest.mark.parametrize("name", ["file", "plain"])
def test_an_interrupted_download_goes_on(server, home, name, there):
    part = home / "downloads" / f"{name}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY[:there])
    assert fetch(WebFile(f"{server}/{name}", sha256(BODY))).read_bytes() == BODY
    assert Server.asked == [(f"/{name}", f"bytes={there}-")] and not part.exists()


def test_a_download_that_fails_says_so_and_leaves_no_file(server, home):
    for name, words in (
        ("wrong", f"^{server}/wrong: its SHA-256 is {sha256(BODY[::-1])}, expected {sha256(BODY)}"),
        ("none", "/none: cannot be fetched .*404"),
        ("short", "/short: cannot be fetched"),
    ):
        with pytest.raises(InputError, match=words):
            fetch(WebFile(f"{server}/{name}", sha256(BODY)))
    # The bytes that a server sent before it stopped are kept, those of another file are not.
    assert [path.name for path in (home / "downloads").iterdir()] == ["short.part"]
    assert (home / "downloads" / "short.part").stat().st_size == 1000
    with pytest.raises(InputError, match="refused.*; the same command resumes"):
        fetch(WebFile("http://127.0.0.1:9/file", sha256(BODY)))


@pytest.mark.parametrize("path", BROKEN)
def test_a_broken_answer_is_one_sentence(server, home, path):
    with pytest.raises(InputError, match=f"^{server}{path}: cannot be fetched|its SHA-256 is ") as caught:
        fetch(WebFile(f"{server}{path}", sha256(BODY)))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert not (home / "downloads" / path[1:]).exists()


def test_a_download_that_is_cut_off_goes_on_at_once(server, home):
    assert fetch(WebFile(f"{server}/cut", sha256(BODY))).read_bytes() == BODY
    assert Server.asked == [("/cut", None), ("/cut", "bytes=300000-")]


def test_more_than_is_accepted_stops(server, home, monkeypatch):
    monkeypatch.setattr(web, "LARGEST", 1000)
    with pytest.raises(InputError, match=f"announces {len(BODY)} bytes, and at most 1000 are accepted"):
        fetch(WebFile(f"{server}/file", sha256(BODY)))
    with pytest.raises(InputError, match="sends more than the 1000 bytes that are accepted"):
        fetch(WebFile(f"{server}/endless", sha256(BODY)))
    assert list((home / "downloads").iterdir()) == []


def test_the_part_of_another_file_begins_again(server, home):
    part = home / "downloads" / "file.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"forged" * 1000)
    assert fetch(WebFile(f"{server}/file", sha256(BODY))).read_bytes() == BODY
    part = home / "downloads" / "elsewhere.part"  # the server sends a range that does not follow
    part.write_bytes(BODY[:5000])
    assert fetch(WebFile(f"{server}/elsewhere", sha256(BODY))).read_bytes() == BODY


def test_what_was_fetched_is_checked_each_time(server, home):
    file = WebFile(f"{server}/file", sha256(BODY), hashlib.sha512(BODY).hexdigest())
    path = fetch(file)
    path.write_bytes(BODY[:-1] + b"!")
    with pytest.raises(InputError, match="file is damaged, and --offline forbids fetching it"):
        fetch(file, offline=True)
    assert fetch(file).read_bytes() == BODY
    forged = WebFile(f"{server}/file", sha256(BODY)[:8], "0" * 128)  # fits the digits that are published, and no more
    with pytest.raises(InputError, match="its SHA-512 is .*, expected 0000"):
        fetch(forged)
    assert not path.exists()


def test_several_processes_fetch_a_file_once(server, home):
    code = "import sys; from auralflow.pretrained.download import fetch; from auralflow.pretrained.web import WebFile"
    call = f"{code}; print(fetch(WebFile(sys.argv[1], sys.argv[2])))"
    command = [sys.executable, "-c", call, f"{server}/file", sha256(BODY)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {process.communicate()[0].strip() for process in processes} == {str(home / "downloads" / "file")}
    assert [process.returncode for process in processes] == [0, 0, 0] and Server.asked == [("/file", None)]


def test_offline_and_local_files(home):
    file = WebFile("http://127.0.0.1:9/file", sha256(BODY))
    with pytest.raises(InputError, match=f"file is not in {home / 'downloads'}, and --offline forbids"):
        fetch(file, offline=True)
    Path("copy").write_bytes(BODY)
    assert fetch(file, Path("copy"), offline=True) == Path("copy")
    Path("folder").mkdir()
    with pytest.raises(InputError, match="folder/file: no such file; file is expected"):
        fetch(file, Path("folder"))
    Path("folder/file").write_bytes(BODY + b"!")
    with pytest.raises(InputError, match="the file is damaged, or another one"):
        fetch(file, Path("folder"))


def test_a_wheel_comes_through_pip(home, monkeypatch):
    Path("index").mkdir()
    name, info = "auralflow_tiny-1.0-py3-none-any.whl", "auralflow_tiny-1.0.dist-info"
    with zipfile.ZipFile(Path("index") / name, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: auralflow-tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    digest = sha256((Path("index") / name).read_bytes())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(Path("index").resolve()))
    with pytest.raises(InputError, match=r"pip cannot fetch auralflow-tiny==2.0 \(.*; --file takes a local copy of x"):
        fetch(Wheel("auralflow-tiny", "2.0", "x.whl", digest))
    with pytest.raises(InputError, match="damaged, or another one"):
        fetch(Wheel("auralflow-tiny", "1.0", name, "0123"))
    assert list((home / "downloads").iterdir()) == []
    path = fetch(Wheel("auralflow-tiny", "1.0", name, digest))
    assert path.read_bytes() == (Path("index") / name).read_bytes()
