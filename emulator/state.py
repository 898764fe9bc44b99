"""What the emulator keeps between two runs, and the lock that keeps a second one out of the same root.

state.json   ports, the API key and the cluster's token, the folder of the sockets       (0600)
lock         held (flock) while an emulator runs; holds its pid                           the kernel frees it at death
env          what a shell sources to talk to the emulator                                 (0600)
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shlex
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

LONGEST_SOCKET_PATH = 99  # bytes; the kernel's limit is 107 and clients differ (unix(7))
LONGEST_SOCKET = "services/mysql.sock"


class StateError(Exception):
    """The root folder cannot be used; the text says why."""


@dataclass
class State:
    """The content of state.json."""

    api_key: str = field(repr=False)
    kube_token: str = field(repr=False)
    ports: dict[str, int] = field(default_factory=dict)
    run_folder: str = ""
    first_url: str = ""
    """The Function URL that has the port `url`."""

    @classmethod
    def load(cls, root: Path) -> State:
        """The stored state, else a new one with new keys. Raises StateError when the file is not ours."""
        path = root / "state.json"
        if not path.exists():
            return cls(api_key=f"pm_{secrets.token_urlsafe(32)}", kube_token=secrets.token_urlsafe(32))
        try:
            return cls(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise StateError(f"{path} is not readable ({error}); remove it to start with new keys") from error

    def save(self, root: Path) -> None:
        """Write state.json whole or not at all."""
        write_private(root / "state.json", json.dumps(asdict(self), indent=2) + "\n")


class Lock:
    """The claim on a root folder."""

    def __init__(self, root: Path) -> None:
        self._path = root / "lock"
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the root; False when another emulator has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not (_claim(file) or _claim_later(file)):
            os.close(file)
            return False
        os.truncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        self._file = file
        return True

    def release(self) -> None:
        """Give the root back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def holder(root: Path) -> int | None:
    """The pid of the emulator that holds this root, else None. A file left by a crash does not count."""
    path = root / "lock"
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(path.read_text() or 0) or None
    finally:
        os.close(file)
    return None


def run_folder(root: Path, state: State) -> Path:
    """The private folder of the sockets, with `services/` in it: below the root, or in /tmp where that is too deep."""
    folder = root / "run"
    if len(os.fsencode(folder / LONGEST_SOCKET)) > LONGEST_SOCKET_PATH:
        name = hashlib.sha256(f"{os.getuid()} {root}".encode()).hexdigest()[:12]
        # The same one each time, so that crashes leave no more than one.
        folder = Path("/tmp", f"patchmill-{name}")  # noqa: S108  it is checked to be private below
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if folder.parent != root and not _is_private(folder):  # somebody else has taken the name
        folder = Path(tempfile.mkdtemp(prefix="patchmill-", dir="/tmp"))
    (folder / "services").mkdir(mode=0o700, exist_ok=True)
    state.run_folder = str(folder)
    return folder


def remove_run_folder(state: State) -> None:
    """Leave no socket behind after a stop."""
    if state.run_folder:
        shutil.rmtree(state.run_folder, ignore_errors=True)


def write_env(path: Path, values: Mapping[str, str], first_on_path: Path | None = None) -> str:
    """Write the export lines for a shell, readable by the owner only, and return them."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    if first_on_path:
        lines.append(f'export PATH={shlex.quote(str(first_on_path))}:"$PATH"')
    text = "\n".join(lines) + "\n"
    write_private(path, text)
    return text


def read_env(path: Path) -> dict[str, str]:
    """What the `export NAME=value` lines of such a file set, but for PATH."""
    words = [shlex.split(line)[1] for line in path.read_text().splitlines() if line.startswith("export ")]
    values = dict(word.split("=", 1) for word in words)
    return {name: value for name, value in values.items() if name != "PATH"}


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner reads (0600), whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)


def _claim(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _claim_later(file: int) -> bool:
    time.sleep(0.2)  # whoever only asks for the holder has the lock for a moment
    return _claim(file)


def _is_private(folder: Path) -> bool:
    try:
        info = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and stat.S_IMODE(info.st_mode) == 0o700
