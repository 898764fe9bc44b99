"""Answers of the platform instead of the server's: worth another try, unlike the same status from the server itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from patchmill_client import BadRequestError, Client

CRASHED = (405, "application/json", b'{"errorCode": 405, "errorMessage": "the process ended"}')
EMPTY = (200, "application/json", b'{"tasks": [], "next_cursor": null}')
PROBLEM = (405, "application/problem+json", b'{"title": "Method Not Allowed", "status": 405, "detail": "no"}')


class Answers(HTTPServer):
    """Gives these answers, one after the other."""

    script: list[tuple[int, str, bytes]]


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        status, kind, body = self.server.script.pop(0)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Answers]:
    with Answers(("127.0.0.1", 0), _Handler) as each:
        thread = threading.Thread(target=each.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield each
        each.shutdown()
        thread.join(10)


def test_request_is_repeated_when_the_function_crashed(server: Answers) -> None:
    server.script = [CRASHED, EMPTY]
    with Client(f"http://127.0.0.1:{server.server_port}", "pm_key", patience_s=5) as client:
        assert list(client.tasks()) == []
    assert server.script == []


def test_request_is_not_repeated_when_the_server_refuses_it(server: Answers) -> None:
    server.script = [PROBLEM, EMPTY]
    with Client(f"http://127.0.0.1:{server.server_port}", "pm_key", patience_s=5) as client:
        with pytest.raises(BadRequestError):
            list(client.tasks())
    assert server.script == [EMPTY]
