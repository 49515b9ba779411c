"""A server that speaks the part of the Hugging Face Hub's protocol that fetching and pushing models use."""

import base64
import contextlib
import hashlib
import http.server
import json
import threading
from urllib.parse import unquote, urlparse


class HubServer:
    """Repositories in memory, on a port of this machine.

    Attributes:
        repositories: name -> revision -> file -> its bytes. A commit's name is the hash of its files.
        requests: the method and the path of each, and its Range.
        cut: bytes after which the next file breaks off; None: it does not.
    """

    def __init__(self):
        self.repositories, self.requests, self.cut = {}, [], None
        handler = type("Handler", (_Handler,), {"hub": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, repository, files, *revisions):
        """Adds files as a commit that these revisions name; returns the commit."""
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        for revision in (*revisions, commit):
            self.repositories.setdefault(repository, {})[revision] = dict(files)
        return commit

    def commit(self, repository, revision):
        files = self.repositories[repository][revision]
        return hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def instead_of_the_hub(cache, patch):
    """A server that huggingface_hub takes for the Hub, with its cache in a folder; the library must be installed."""
    server = HubServer()
    template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
    for name, value in {
        "ENDPOINT": server.address,
        "HUGGINGFACE_CO_URL_TEMPLATE": template,
        "HF_HUB_CACHE": str(cache),
        "HF_HUB_DISABLE_TELEMETRY": True,
    }.items():
        patch.setattr(f"huggingface_hub.constants.{name}", value)
    patch.setenv("HF_TOKEN", "hf_stand_in")
    try:
        yield server
    finally:
        server.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_one(self):
        path, body = urlparse(unquote(self.path)).path.strip("/").split("/"), self.body()
        self.hub.requests.append((self.command, "/".join(path), self.headers.get("Range")))
        match path:
            case ["api", "repos", "create"]:
                wanted = json.loads(body)
                name = f"{wanted['organization']}/{wanted['name']}"
                self.hub.repositories.setdefault(name, {})
                return self.answer({"url": f"{self.hub.address}/{name}"})
            case ["api", "validate-yaml"]:
                return self.answer({"errors": [], "warnings": []})
            case ["api", "models", user, model, "branch", branch]:
                self.hub.repositories[f"{user}/{model}"].setdefault(branch, {})
                return self.answer({})
            case ["api", "models", user, model, "preupload", _]:
                files = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for file in json.loads(body)["files"]
                ]
                return self.answer({"files": files})
            case ["api", "models", user, model, "commit", revision]:
                return self.receive(f"{user}/{model}", revision, body)
            case ["api", "models", user, model, *rest]:
                revision = rest[1] if rest else "main"
                files = self.hub.repositories.get(f"{user}/{model}", {}).get(revision)
                if files is None:
                    code = "RepoNotFound" if f"{user}/{model}" not in self.hub.repositories else "RevisionNotFound"
                    return self.answer({"error": "not found"}, 404, {"X-Error-Code": code})
                if rest[:1] == ["tree"]:
                    return self.answer(
                        [
                            {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                            for name, data in files.items()
                        ]
                    )
                siblings = [{"rfilename": name} for name in files]
                sha = self.hub.commit(f"{user}/{model}", revision)
                return self.answer({"id": f"{user}/{model}", "sha": sha, "siblings": siblings, "private": False})
            case [user, model, "resolve", revision, *name]:
                return self.send_file(f"{user}/{model}", revision, "/".join(name))
        return self.answer({"error": "not found"}, 404)

    do_GET = do_HEAD = do_POST = handle_one

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def receive(self, repository, revision, body):
        lines = [json.loads(line) for line in body.splitlines()]
        files = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"
        }
        old = self.hub.repositories[repository].get(revision, {})
        commit = self.hub.put(repository, old | files, revision)
        self.answer({"commitUrl": f"{self.hub.address}/{repository}/commit/{commit}", "commitOid": commit})

    def send_file(self, repository, revision, name):
        data = self.hub.repositories[repository][revision][name]
        headers = {
            "ETag": f'"{hashlib.sha1(data).hexdigest()}"',
            "X-Repo-Commit": self.hub.commit(repository, revision),
        }
        first = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        status = 206 if first else 200
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        self.reply(status, headers | {"Content-Length": str(len(data) - first), "Accept-Ranges": "bytes"})
        if self.command == "GET":
            cut, self.hub.cut = self.hub.cut, None
            self.wfile.write(data[first:][:cut])
            self.close_connection = cut is not None

    def answer(self, value, status=200, headers=()):
        data = json.dumps(value).encode()
        fields = {"Content-Type": "application/json", "Content-Length": str(len(data))}
        self.reply(status, fields | dict(headers))
        if self.command != "HEAD":
            self.wfile.write(data)

    def reply(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
