"""One instance: a sandboxed process that sees its code, its layers and its own /tmp, and answers one event at a time.

Between events it is frozen (SIGSTOP for all its processes), as the platform freezes it: threads stand still, and a
connection may be dead when it wakes up. bubblewrap's outer process is not: it tells when the inner one has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time

from emulator.cgroups import Group
from emulator.scf import limits, proctree
from emulator.scf.blueprint import Blueprint, spawn

_WEIGH_S = 0.1  # how often memory is looked at where no control group does it
_READ = 1 << 16


class InstanceError(Exception):
    """The instance is no more; `status` is the platform's code for why, `trace` a traceback of the function's."""

    def __init__(self, status: int, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.trace = status, message, trace


class Instance:
    """Made by `start`, then `init`, then `call` for each event. After an InstanceError only `close` is left."""

    def __init__(
        self,
        blueprint: Blueprint,
        group: Group,
        process: asyncio.subprocess.Process,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        output: int,
    ) -> None:
        self._blueprint, self._group, self._process, self._output = blueprint, group, process, output
        self._reader, self._writer = streams
        self._text, self._lost, self._peak, self._oom_kills = bytearray(), 0, 0, 0
        self._frozen: set[int] = set()
        self._closing: asyncio.Task[None] | None = None
        self.idle_since = time.monotonic()
        asyncio.get_running_loop().add_reader(output, self._drain)

    @classmethod
    async def start(cls, blueprint: Blueprint, number: int) -> Instance:
        """Start the process. Raises OSError; then nothing of it is left."""
        group = await asyncio.to_thread(_group, blueprint, number)
        ours, theirs = socket.socketpair()
        output, theirs_output = os.pipe()
        os.set_blocking(output, False)
        try:
            streams = await asyncio.open_connection(sock=ours)
            process = await spawn(blueprint, group, theirs.fileno(), theirs_output)
        except BaseException:
            ours.close()
            os.close(output)
            group.remove()
            raise
        finally:
            theirs.close()
            os.close(theirs_output)
        return cls(blueprint, group, process, streams, output)

    async def init(self, timeout_s: float) -> None:
        """Have the handler imported. Raises InstanceError: 430 with the traceback, 450 time-out, 434, 405, 500."""
        try:
            kind, text = await self._receive(timeout_s)
        except asyncio.TimeoutError:
            raise InstanceError(450, f"Container start timed out after {timeout_s:g} seconds") from None
        except _Ended as ended:
            if bytes(self._text).startswith((b"bwrap:", b"sh:")):
                raise InstanceError(500, "the sandbox could not be made") from None
            raise self._why(ended, 405, "the process ended while the handler was imported") from None
        if kind != b"R":
            raise InstanceError(430, "user code exception caught", text.decode("utf-8", "replace"))

    async def call(self, frame: bytes, timeout_s: float) -> tuple[bytes, bytes]:
        """The kind and text of the answer to one event. Raises InstanceError: 433 time-out, 434 memory, 439 ended."""
        self._oom_kills = _oom_kills(self._group)  # a child of an earlier event may have been killed
        proctree.signal_each(self._frozen, signal.SIGCONT)
        self._writer.write(len(frame).to_bytes(4, "big") + frame)
        try:
            answer = await self._receive(timeout_s)
        except asyncio.TimeoutError:
            raise InstanceError(433, f"Invoking task timed out after {timeout_s:g} seconds") from None
        except _Ended as ended:
            raise self._why(ended, 439, "User process exit when running") from None
        self._frozen = proctree.signal_below(self._process.pid, signal.SIGSTOP)
        self.idle_since = time.monotonic()
        return answer

    @property
    def alive(self) -> bool:
        """Whether it can be used again."""
        return self._closing is None and self._process.returncode is None and not self._reader.at_eof()

    @property
    def memory_bytes(self) -> int:
        """The most it has used so far; without control groups, the most that was seen."""
        if self._closing is None:
            self._peak = max(self._peak, self._group.peak_bytes() or proctree.resident_bytes(self._process.pid))
        return self._peak

    def output(self) -> str:
        """What was printed since the last call of this, ending with a newline."""
        if self._closing is None:
            self._drain_all()
        text, lost = self._text.decode("utf-8", "replace"), self._lost
        self._text, self._lost = bytearray(), 0
        text = text if not text or text.endswith("\n") else text + "\n"
        return f"{text}({lost} more bytes of output are left out)\n" if lost else text

    async def close(self) -> None:
        """Kill every process of it. They are gone when this returns, also when that is cancelled meanwhile."""
        if self._closing is None:
            _ = self.memory_bytes
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        # The inner processes first: bubblewrap ends when they are gone, and not before.
        inner = proctree.below(self._process.pid)
        proctree.signal_below(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.wait(), 2 if inner else 0)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._group.kill)
        asyncio.get_running_loop().remove_reader(self._output)
        self._drain_all()
        os.close(self._output)
        self._writer.transport.abort()
        self._group.remove()

    async def _receive(self, timeout_s: float) -> tuple[bytes, bytes]:
        """One frame. Raises asyncio.TimeoutError, _Ended."""
        frame = asyncio.ensure_future(self._frame())
        end = time.monotonic() + timeout_s
        try:
            while not frame.done():
                left = end - time.monotonic()
                if left <= 0:
                    raise asyncio.TimeoutError
                await asyncio.wait((frame,), timeout=left if self._group.enforced else min(left, _WEIGH_S))
                if not self._group.enforced and self.memory_bytes > self._blueprint.memory_mb << 20:
                    raise _Ended(out_of_memory=True)
            return frame.result()
        finally:
            frame.cancel()

    async def _frame(self) -> tuple[bytes, bytes]:
        try:
            head = await self._reader.readexactly(5)
            return head[:1], await self._reader.readexactly(int.from_bytes(head[1:], "big"))
        except (asyncio.IncompleteReadError, ConnectionError):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), 1)
            raise _Ended(out_of_memory=_oom_kills(self._group) > self._oom_kills) from None

    def _why(self, ended: _Ended, status: int, message: str) -> InstanceError:
        if ended.out_of_memory:
            return InstanceError(434, "Memory limit reached")
        code = self._process.returncode
        return InstanceError(status, message if code is None else f"{message} (exit code {code})")

    def _drain_all(self) -> None:
        for _ in range(32):  # more than a pipe holds
            if not self._drain():
                return

    def _drain(self) -> bool:
        """Take one part of the output; False when there is none. One at a time, as a child may print without end."""
        try:
            part = os.read(self._output, _READ)
        except BlockingIOError:
            return False
        if not part:  # every process is gone: else the loop would call this for ever
            asyncio.get_running_loop().remove_reader(self._output)
            return False
        room = limits.LOG_BYTES - len(self._text)
        self._text += part[:room]
        self._lost += max(0, len(part) - room)
        return True


class _Ended(Exception):
    def __init__(self, *, out_of_memory: bool) -> None:
        super().__init__()
        self.out_of_memory = out_of_memory


def _group(blueprint: Blueprint, number: int) -> Group:
    if blueprint.group is None:
        return Group({})
    return Group.create(f"{blueprint.group}-{number}", blueprint.memory_mb << 20, limits.PROCESSES_AND_THREADS)


def _oom_kills(group: Group) -> int:
    try:
        return group.oom_kills()
    except OSError:
        return 0
