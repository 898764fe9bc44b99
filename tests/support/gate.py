"""A gate on loopback: an agent's command waits there until the test opens it, so "while it runs" needs no sleep."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Gate(ThreadingHTTPServer):
    """Use `gate()`, which also opens and removes it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._opened, self._lock = threading.Event(), threading.Condition()
        self.arrivals = 0

    @property
    def command(self) -> str:
        """A shell command that ends when the gate is open. Its port is in its argv, which makes it easy to find."""
        return f"python3 -c 'import urllib.request as r; r.urlopen(\"{self.mark}\").read()'"

    @property
    def mark(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def arrive(self) -> None:
        with self._lock:
            self.arrivals += 1
            self._lock.notify_all()
        self._opened.wait(120)

    def wait_for(self, count: int, seconds: float = 60) -> None:
        """Return when so many commands have come to the gate."""
        with self._lock:
            assert self._lock.wait_for(lambda: self.arrivals >= count, seconds), f"{self.arrivals} came, not {count}"

    def open(self) -> None:
        """Let everyone pass, now and later."""
        self._opened.set()

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: whoever waited was killed."""


class _Handler(BaseHTTPRequestHandler):
    server: Gate

    def do_GET(self) -> None:
        self.server.arrive()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def gate() -> Iterator[Gate]:
    with Gate() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.open()
            server.shutdown()
            thread.join(10)
