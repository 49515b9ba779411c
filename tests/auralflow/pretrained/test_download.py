import http.server
import threading
import zipfile
from pathlib import Path

import pytest
from wheels import sha256

from auralflow.pretrained.download import WebFile, Wheel, fetch
from auralflow_core.errors import InputError

BODY = bytes(range(256)) * 5000  # more than one block


class Server(http.server.BaseHTTPRequestHandler):
    """Serves BODY: /file whole or in ranges, /plain always whole, /short without its end; /wrong is something else."""

    asked: list = []

    def do_GET(self):
        Server.asked.append((self.path, self.headers.get("Range")))
        start = int(self.headers["Range"][6:-1]) if "Range" in self.headers and self.path == "/file" else 0
        if self.path == "/none":
            return self.send_error(404)
        if start >= len(BODY):
            return self.send_error(416)
        body = BODY[::-1] if self.path == "/wrong" else BODY[start:]
        self.send_response(206 if start else 200)
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
        ("wrong", f"its SHA-256 is {sha256(BODY[::-1])}, expected {sha256(BODY)}"),
        ("none", "/none: cannot be fetched .*404"),
        ("short", "/short: cannot be fetched"),
    ):
        with pytest.raises(InputError, match=words):
            fetch(WebFile(f"{server}/{name}", sha256(BODY)))
    # What a server sent before it stopped is kept, something else is not.
    assert [path.name for path in (home / "downloads").iterdir()] == ["short.part"]
    with pytest.raises(InputError, match="refused.*; the same command resumes"):
        fetch(WebFile("http://127.0.0.1:9/file", sha256(BODY)))


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
