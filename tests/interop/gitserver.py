"""A Git server on loopback, smart HTTP, for tools that pull what they deploy. Read-only: tests publish folders."""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop.processes import run, serving

# Of nobody's own settings, and always the same commit for the same content.
_ENV = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "tester",
    "GIT_AUTHOR_EMAIL": "tester@clusterbook.test",
    "GIT_COMMITTER_NAME": "tester",
    "GIT_COMMITTER_EMAIL": "tester@clusterbook.test",
}


@dataclass(frozen=True, slots=True)
class GitServer:
    """A running server of the repositories in `folder`."""

    folder: Path
    port: int

    def url(self, name: str) -> str:
        """Return where the repository `name` is cloned from."""
        return f"http://127.0.0.1:{self.port}/{name}.git"

    def publish(self, name: str, content: Path, *, branch: str = "main") -> str:
        """Make the repository `name` hold what is in the folder `content`, as one more commit; return its URL."""
        repository = self.folder / f"{name}.git"
        if not repository.exists():
            _git("init", "--quiet", "--bare", f"--initial-branch={branch}", str(repository))
        there = ("--git-dir", str(repository), "--work-tree", str(content))
        _git(*there, "add", "--all", "--force", ".")
        _git(*there, "commit", "--quiet", "--allow-empty", "--message", f"what is in {name} now")
        return self.url(name)


def _git(*words: str) -> None:
    run("git", *words, env=_ENV)


@contextlib.contextmanager
def start(folder: Path) -> Iterator[GitServer]:
    """Serve the repositories that lie in `folder`, now or later."""
    folder.mkdir(parents=True, exist_ok=True)
    git = shutil.which("git")
    assert git is not None, "git is not on PATH"

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = {
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_ADDR": "127.0.0.1",
            }
            done = subprocess.run(
                [git, "http-backend"],
                input=body,
                env={**os.environ, **_ENV, **request},
                capture_output=True,
                check=False,
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
            status = next((value for name, value in headers if name == "Status"), "200 OK")
            self.send_response(int(status.split()[0]))
            for name, value in headers:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815 - named by http.server

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with serving(Handler) as port:
        yield GitServer(folder, port)
