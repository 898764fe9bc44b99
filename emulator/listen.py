"""HTTP servers of the emulator: an ASGI app in, a loopback listener that is ready when `serve` returns out.

With a CA for clients, the certificate that a client shows is in scope["extensions"]["tls"]["client_cert"] (as
ssl.SSLSocket.getpeercert gives it), verified but for its time: the app tells whose has expired, with a status code.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

T = TypeVar("T")
Parser = Literal["httptools", "h11"]

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module does not name


@dataclass(frozen=True)
class Tls:
    """A PEM certificate chain and its key; `client_ca` verifies the certificates that clients may show."""

    cert: Path
    key: Path
    client_ca: Path | None = None


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # several servers share one process: the supervisor owns the signals


class _ShowingPeers(HttpToolsProtocol):
    """Tells the app which certificate the client of a connection has shown."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        certificate = self.transport.get_extra_info("peercert")
        self.scope["extensions"] = {"tls": {"client_cert": certificate or None}}


class Listener:
    """A running server on 127.0.0.1."""

    def __init__(self, server: uvicorn.Server, task: asyncio.Task[None], sock: socket.socket) -> None:
        self._server, self._task = server, task
        self.port: int = sock.getsockname()[1]

    async def close(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True  # open watches and log streams must not hold up a stop
        await self._task
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


async def serve(app: ASGIApp, *, port: int = 0, tls: Tls | None = None, http: Parser = "httptools") -> Listener:
    """Listen on 127.0.0.1:`port` (0: a free one). Raises OSError when the port is taken.

    `http`: the parser. httptools is the faster one, but writes header names in lower case; h11 leaves them as they are.
    With a CA for clients it is always httptools.
    """
    # With the protocol named, asyncio switches Nagle's algorithm off: a small answer would else wait 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        loop="asyncio",
        http=_ShowingPeers if tls and tls.client_ca else http,
        ws="none",
        timeout_keep_alive=60,
        ssl_certfile=str(tls.cert) if tls else None,
        ssl_keyfile=str(tls.key) if tls else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
        ssl_ca_certs=str(tls.client_ca) if tls and tls.client_ca else None,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if tls and tls.client_ca else ssl.CERT_NONE,
    )
    config.load()
    if config.ssl and tls and tls.client_ca:
        config.ssl.verify_flags |= _NO_CHECK_TIME
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:
        if task.done():
            task.result()
            raise OSError(f"the server on port {port} ended while starting")
        await asyncio.sleep(0.005)
    return Listener(server, task, sock)


class LoopThread:
    """An event loop in a thread of its own, so that synchronous tests can run the asynchronous parts."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float = 60) -> T:
        """Run a coroutine on the loop and wait for what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    def call(self, function: Callable[[], T], timeout: float = 60) -> T:
        """Run a plain function on the loop's thread: the stores are not thread-safe."""

        async def wrapped() -> T:
            return function()

        return self.run(wrapped(), timeout)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
