"""A headless Chromium that is told what to do through a pair of pipes, in Chrome's DevTools protocol."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile

PATH = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
        if (path := shutil.which(name))
    ),
    None,
)
# The browser reads commands from descriptor 3 and writes to 4, wherever the pipes' ends are here.
LAUNCH = """
import fcntl, os, sys
reads, writes = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(reads, 3)
os.dup2(writes, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def offline(rate, seconds=3):
    """A script before which a page's sound is rendered into numbers, as it meets this context and not one that plays.

    The mono context is at `window.rendered`.
    """
    return f"""
window.AudioContext = class extends OfflineAudioContext {{
  constructor() {{ super(1, {rate} * {seconds}, {rate}); window.rendered = this; }}
  resume() {{ return Promise.resolve(); }}
}};
"""


class Browser:
    """One tab."""

    def __init__(self, commands: io.RawIOBase, answers: io.BufferedReader):
        self.commands, self.answers = commands, answers
        self.session, self.number, self.rest = None, 0, b""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.send("Page.enable")

    def send(self, method, **parameters):
        """Calls a method and waits for its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.commands.write(json.dumps(message).encode() + b"\0")
        answer = self._await(lambda answer: answer.get("id") == self.number)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def open(self, path, width=1000):
        """Loads a page, a file, into a window so many pixels wide."""
        self.visit(path.as_uri(), width)

    def visit(self, address, width=1000):
        """Loads a page from an address."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        self.send("Page.navigate", url=address)
        self._await(lambda answer: answer.get("method") == "Page.loadEventFired")

    def run(self, script):
        """Runs the body of an asynchronous function in the page, as if a user had asked for it."""
        result = self.send(
            "Runtime.evaluate",
            expression=f"(async () => {{ {script} }})()",
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def _await(self, wanted):
        while True:
            while b"\0" not in self.rest:
                part = self.answers.read1(1 << 20)
                assert part, "the browser has gone"
                self.rest += part
            message, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(message)
            if wanted(answer):
                return answer


@contextlib.contextmanager
def started():
    """Starts a browser with a profile of its own, and ends it."""
    reads, commands = os.pipe()
    answers, writes = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                LAUNCH,
                str(reads),
                str(writes),
                PATH,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                f"--user-data-dir={profile}",
                "--remote-debugging-pipe",
            ],
            pass_fds=(reads, writes),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reads)
        os.close(writes)
        try:
            with open(commands, "wb", buffering=0) as to_browser, open(answers, "rb") as from_browser:
                browser = Browser(to_browser, from_browser)
                yield browser
                with contextlib.suppress(BrokenPipeError, AssertionError):
                    browser.send("Browser.close")
        finally:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
