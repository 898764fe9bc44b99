"""A private Redis server: a unix socket in, an empty cache out. Nothing is written to disk: it is only a cache."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from emulator.services.process import Program, Service


def service(folder: Path, socket: Path, log: Path) -> Service:
    """The server, not yet started. `folder` is its working directory, which stays empty."""
    folder.mkdir(parents=True, exist_ok=True)

    async def ready() -> bool:
        return await answers(socket)

    argv = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
    argv += ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(folder)]
    argv += ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]
    return Service(Program("redis", argv, log, ready, cwd=folder, stop_grace_s=5))


async def answers(socket: Path) -> bool:
    """True when the server answers PING."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return await asyncio.wait_for(reader.readline(), 2) == b"+PONG\r\n"
    except (OSError, asyncio.TimeoutError):
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
