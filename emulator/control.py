"""The emulator's control socket: who connects gets the status as JSON, and the connection is closed."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

Status = dict[str, Any]


async def listen(path: Path, status: Callable[[], Status]) -> asyncio.AbstractServer:
    """Answer on the unix socket `path`, which a crashed emulator may have left behind."""
    path.unlink(missing_ok=True)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(status()).encode())
        await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(answer, path)


def ask(path: Path, timeout_s: float = 5.0) -> Status | None:
    """The status of the emulator behind the socket; None when it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            with connection.makefile("rb") as stream:
                status: Status = json.load(stream)
                return status
    except (OSError, ValueError):
        return None
