"""Songs that are sent over HTTP come back as stems."""

import contextlib
import hashlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import soundfile as sf

from auralflow.cli.main import main
from auralflow.studio.jobs import Job
from auralflow.studio.separation import Request
from auralflow.studio.worker import Worker


def test_a_song_becomes_the_stems_that_the_command_writes(server, song, trained, tmp_path):
    job = server.wait(server.send(song, residual="true"), "done", "failed")
    assert (job["state"], job["name"], job["seconds"], job["progress"]) == ("done", "näme <b>", 1.0, 1.0)
    assert main(["separate", "--model", str(trained.model.path), str(song), "--residual", "--save", str(tmp_path)]) == 0
    written = {path.name: path for path in tmp_path.rglob("*.wav")}
    assert sorted(job["stems"]) == sorted(written)
    for name, path in written.items():
        status, headers, body = server.ask("GET", f"/api/jobs/{job['id']}/stems/{name}")
        (tmp_path / "got.wav").write_bytes(body)
        np.testing.assert_array_equal(sf.read(tmp_path / "got.wav")[0], sf.read(path)[0])
        assert (status, headers["content-type"].split("/")[0]) == (200, "audio")
    status, headers, body = server.ask("GET", f"/api/jobs/{job['id']}/song", Range="bytes=4-7")
    assert (status, body) == (206, song.read_bytes()[4:8])


def test_events_tell_each_step_and_end(server, song):
    job = server.send(song, format="flac")
    status, headers, body = server.ask("GET", f"/api/jobs/{job['id']}/events")
    told = [json.loads(line[6:]) for line in body.decode().splitlines() if line.startswith("data: ")]
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    assert told[-1]["state"] == "done"
    assert {one["id"] for one in told} == {job["id"]}
    progress = [one["progress"] for one in told]
    assert progress == sorted(progress)


def test_a_song_is_cancelled_within_two_seconds_and_the_next_one_is_separated(server, song, long_song):
    first, second, third = server.send(long_song), server.send(song), server.send(song)
    server.wait(first, "running")
    start = time.monotonic()
    assert json.loads(server.ask("POST", f"/api/jobs/{third['id']}/cancel")[2])["state"] == "cancelled"
    assert json.loads(server.ask("POST", f"/api/jobs/{first['id']}/cancel")[2])["state"] == "cancelled"
    assert time.monotonic() - start < 6  # the song takes longer; on an idle machine it is under two
    assert server.wait(second, "done", "failed")["state"] == "done"
    assert server.get(f"/api/jobs/{first['id']}")["stems"] == []


def test_a_deleted_song_is_gone(server, song):
    job = server.wait(server.send(song), "done")
    used = server.get("/api/space")
    assert server.ask("DELETE", f"/api/jobs/{job['id']}")[0] == 204
    assert server.ask("GET", f"/api/jobs/{job['id']}")[0] == 404
    now = server.get("/api/space")
    assert now["songs"] == used["songs"] - 1
    assert used["used"] - now["used"] > 2 * song.stat().st_size  # the song and more than one stem


def test_a_song_that_is_deleted_is_gone_for_all_who_use_it(server, song):
    job = server.wait(server.send(song), "done")
    with contextlib.ExitStack() as stack:
        mix, events = (stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30)) for _ in range(2))
        mix.sendall(
            f"POST /api/jobs/{job['id']}/mix/wav HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 16\r\n\r\n".encode()
        )
        mix.sendall(bytes(8))
        events.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        told = events.recv(1 << 16)
        assert server.ask("DELETE", f"/api/jobs/{job['id']}")[0] == 204
        while b'"deleted"' not in told:
            told += events.recv(1 << 16)
        mix.sendall(bytes(8))
        answer = b""
        while b"detail" not in answer:
            answer += mix.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 404")
    assert "näme <b> was deleted" in answer.decode()


def test_what_is_no_song_fails_and_says_why(server, tmp_path):
    (tmp_path / "notes.mp3").write_text("not audio")
    job = server.wait(server.send(tmp_path / "notes.mp3"), "done", "failed")
    assert job["state"] == "failed"
    assert job["error"].startswith("notes: ")


def test_a_killed_server_goes_on_where_it_was(serve, song, long_song, tmp_path):
    server = serve(tmp_path)
    first, second = server.send(long_song), server.send(song)
    server.wait(first, "running")
    worker = psutil.Process(server.process.pid).children()
    server.end(signal.SIGKILL)
    (tmp_path / "song-0123456789abcdef").mkdir()  # a song that had not come whole
    assert not psutil.wait_procs(worker, timeout=5)[1]
    left = tmp_path / first["id"] / "mixes/.auralflow-left"  # of a mix that was written
    left.mkdir(parents=True)
    (left / "lock").touch()
    later = serve(tmp_path)
    assert [job["id"] for job in later.get("/api/jobs")] == [first["id"], second["id"]]
    assert not left.exists()
    assert not (tmp_path / "song-0123456789abcdef").exists()
    later.wait(first, "running")
    for process in psutil.Process(later.process.pid).children():
        process.suspend()  # so that it must be killed
    later.ask("POST", f"/api/jobs/{first['id']}/cancel")
    assert not list(tmp_path.rglob(".auralflow-*"))
    assert later.wait(second, "done", "failed")["state"] == "done"
    assert later.end() == 130  # as every command that is interrupted


def test_the_address_is_printed_before_anything_large_is_imported():
    code = "import sys; import auralflow.cli.studio, auralflow.studio.server; print(*sys.modules);"
    code += "from auralflow.cli.serve import _with_ready_ones; _with_ready_ones([])\n"
    code += "import auralflow.studio.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    before, after = (set(line.split()) for line in done.stdout.splitlines())
    assert not before & {"numpy", "fastapi", "uvicorn", "soundfile"}
    assert not after & {"jax", "torch", "flax", "scipy", "onnxruntime", "matplotlib"}


def test_a_server_that_is_ended_says_nothing_of_those_who_listen(serve, tmp_path):
    with (tmp_path / "errors.txt").open("w") as errors:
        server = serve(tmp_path / "library", stderr=errors)
    with socket.create_connection(("127.0.0.1", server.port)) as listener:
        listener.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        assert listener.recv(1 << 10).startswith(b"HTTP/1.1 200")
        assert server.end() == 130
    assert (tmp_path / "errors.txt").read_text() == "auralflow: interrupted\n"


def test_a_library_has_one_server(server, serve, capsys):
    library = server.lines[1].removeprefix("Songs and stems are kept in ").removesuffix(". Ctrl-C ends it.\n")
    assert main(["serve", "--library", library]) == 2
    assert "another run" in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_sentence(server, tmp_path, capsys):
    assert main(["serve", "--library", str(tmp_path), "--port", str(server.port)]) == 2
    assert f"127.0.0.1:{server.port}: cannot be listened at" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "many"])
def test_ports_that_there_are_not(port, tmp_path, capsys):
    assert main(["serve", "--library", str(tmp_path), "--port", port]) == 2
    assert port in capsys.readouterr().err


def test_every_address_is_described(server):
    status, _, body = server.ask("GET", "/api")
    described = server.get("/api/openapi.json")["paths"]
    assert status == 200
    assert len(described) == 17
    assert all(path in body.decode() for path in described)
    assert "http" not in body.decode().replace("HTTP", "").replace(
        "http://127.0.0.1:8765", ""
    )  # nothing from elsewhere


def test_whatever_breaks_around_a_song_the_queue_goes_on_without_a_traceback(serve, song, long_song, tmp_path):
    library, told = tmp_path / "library", tmp_path / "stderr.txt"
    with told.open("wb") as errors:
        server = serve(library, stderr=errors)
    head = b"POST /api/jobs?name=a.wav HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\nhalf"
    with socket.create_connection(("127.0.0.1", server.port)) as half:
        half.sendall(head)
    long, gone, good = server.send(long_song), server.send(song), server.send(song)
    server.wait(long, "running")
    shutil.rmtree(library / gone["id"])
    server.ask("POST", f"/api/jobs/{long['id']}/cancel")
    assert server.wait(gone, "done", "failed")["error"] == "näme <b>: no such file"
    assert server.ask("GET", f"/api/jobs/{gone['id']}/song")[0] == 404
    stem = server.wait(good, "done", "failed")["stems"][0]
    status, headers, body = server.ask("HEAD", f"/api/jobs/{good['id']}/stems/{stem}")
    size = (library / good["id"] / "stems" / stem).stat().st_size
    assert (status, headers["content-length"], body) == (200, str(size), b"")
    status, _, body = server.ask("POST", "/api/jobs?name=a.wav&format=opus", b"song")
    assert (status, json.loads(body)["detail"][:7]) == (422, "format:")
    sent = {long["id"], gone["id"], good["id"]}
    assert {folder.name for folder in library.glob("song-*")} <= sent  # the half one is not kept
    library.rename(tmp_path / "elsewhere")
    for method, path in (("GET", "/api/space"), ("POST", "/api/jobs?name=a.wav")):
        status, _, body = server.ask(method, path, b"song")
        assert (status, "the library cannot be used" in json.loads(body)["detail"]) == (507, True)
    with socket.create_connection(("127.0.0.1", server.port)) as listener:
        listener.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        listener.recv(1)
        assert server.end() == 130
    assert "Traceback" not in told.read_text()


def test_a_cancellation_that_comes_too_late_does_not_end_the_next_song(trained, song, tmp_path):
    worker = Worker()
    request = Request(Job("", "", "song", str(trained.model.path)), song, tmp_path, "jax")
    try:
        worker.start()
        worker.cancel(tmp_path / "the song before", lambda: True)
        assert worker.run(request, lambda report: None).stems == ("vocals.wav",)
    finally:
        worker.stop()


def test_separations_of_one_file_have_one_digest(server, tmp_path, song):
    first, second = server.send(song), server.send(song, name="other.wav")
    assert first["digest"] == second["digest"] == hashlib.sha256(song.read_bytes()).hexdigest()
    other = tmp_path / "other.wav"
    other.write_bytes(song.read_bytes() + b"more")
    assert server.send(other)["digest"] != first["digest"]
