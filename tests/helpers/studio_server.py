"""A server of songs as a process of its own, and what talks to it."""

import contextlib
import http.client
import json
import re
import signal
import subprocess
import sys
import time
from urllib.parse import quote


class Server:
    """`auralflow serve`, or studio, on a free port."""

    def __init__(self, library, *arguments, name="serve", **streams):
        command = [sys.executable, "-m", "auralflow", name, "--library", str(library), "--port", "0"]
        self.process = subprocess.Popen([*command, *map(str, arguments)], stdout=subprocess.PIPE, text=True, **streams)
        self.lines = [self.process.stdout.readline(), self.process.stdout.readline()]
        self.port = int(re.search(r":(\d+)/", self.lines[0]).group(1))

    def ask(self, method, path, body=None, **headers):
        """The status, headers and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path):
        status, _, body = self.ask("GET", path)
        assert status == 200, body
        return json.loads(body)

    def address(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def send(self, song, **query):
        """Sends a song; returns its job."""
        fields = {"name": song.name} | query
        address = "/api/jobs?" + "&".join(f"{name}={quote(str(value))}" for name, value in fields.items())
        status, _, body = self.ask("POST", address, song.read_bytes())
        assert status == 201, body
        return json.loads(body)

    def wait(self, job, *states, seconds=60):
        """The job when it has come into one of these states."""
        until = time.monotonic() + seconds
        while (found := self.get(f"/api/jobs/{job['id']}"))["state"] not in states:
            assert time.monotonic() < until, found
            time.sleep(0.02)
        return found

    def end(self, number=signal.SIGINT):
        """Ends the process; returns its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(30)
        self.process.stdout.close()
        return status
