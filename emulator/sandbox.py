"""A sandbox description in, the bubblewrap command line that makes it out: for SCF instances and pods' containers.

Inside: an own user (no capability, no further user namespaces), own pid, ipc, uts and cgroup namespaces, a fresh /proc
and a minimal /dev, the system's programs read-only, the mounts that are asked for, and nothing else: nothing of /home,
/root, the project or `.local/`. The network is the host's, so that the services on loopback can be reached.

When the emulator runs as root, the sandbox's user is root's id in an own user namespace. Even without capabilities
that id owns /proc/sys and the like, and the kernel lets it write there; bubblewrap 0.8 covers a folder of /proc only
when the folder itself is writable, which /proc/sys is not. So they are bound read-only here.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

UMASK = 0o022  # what programs expect inside; the emulator's own is stricter
_ETC = Path(__file__).parent / "etc"
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
    "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
    "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/pki/tls/certs",
    "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/services", "/etc/protocols",
    "/etc/localtime", "/etc/mime.types", "/etc/debian_version", "/etc/os-release",
)  # fmt: skip
# As container runtimes do (OCI runtime-spec, config-linux.md, readonlyPaths), and what else root could write to.
_PROC_READ_ONLY = (
    "sys", "sysrq-trigger", "irq", "bus", "fs", "mtrr", "pressure", "acpi", "scsi", "asound", "driver", "tty",
)  # fmt: skip


class SandboxError(Exception):
    """This machine cannot make a sandbox; the text holds what bubblewrap says."""


@dataclass(frozen=True)
class Mount:
    """A file or folder of the host, seen at `target` inside."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class Sandbox:
    """What a sandboxed process sees.

    `tmpfs` holds (target, size in bytes) of private memory file systems; they count towards the memory limit of the
    control group. `symlinks` holds (what it says, where it is). With `read_only_root` only tmpfs and writable mounts
    can be written to.
    """

    mounts: tuple[Mount, ...]
    env: Mapping[str, str]
    workdir: str
    hostname: str
    tmpfs: tuple[tuple[str, int], ...] = ()
    uid: int = 1000
    symlinks: tuple[tuple[str, str], ...] = ()
    read_only_root: bool = True


def _system_mounts() -> Iterator[Mount]:
    for name in _SYSTEM:
        if Path(name).exists():
            yield Mount(Path(name), name)
    # Own ones: the names of the host's users are nobody's business, and uid 1000 gets a name everywhere.
    for name in ("passwd", "group"):
        yield Mount(_ETC / name, f"/etc/{name}")
    for name in _PROC_READ_ONLY:
        if Path("/proc", name).exists():
            yield Mount(Path("/proc", name), f"/proc/{name}")


SYSTEM_MOUNTS: tuple[Mount, ...] = tuple(_system_mounts())


def python_mounts(python: Path) -> tuple[Mount, ...]:
    """The prefix of an interpreter that lies outside /usr, read-only, at the same path; nothing for the system's own.

    `python` is a base interpreter; a virtual environment's is followed to the one it was made from.
    """
    prefix = python.resolve().parent.parent
    return () if prefix.is_relative_to("/usr") else (Mount(prefix, str(prefix)),)


def command(sandbox: Sandbox, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` in the sandbox as its pid 1; start it with `environment(sandbox)`.

    Pid 1 is the program itself, as in a container: it does not die of a SIGTERM that it does not handle. The sandbox
    dies with the *thread* that started it, so start it from one that lives on. A missing program ends with exit code 1
    and a line on stderr. Environment values are not in the command line, where everybody could read them, except those
    that would steer the loader of bubblewrap itself (LD_*, GLIBC_TUNABLES).
    """
    args = [shutil.which("bwrap") or "bwrap"]
    args += ["--unshare-user", "--uid", str(sandbox.uid), "--gid", str(sandbox.uid), "--disable-userns"]
    args += ["--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-cgroup-try"]
    args += ["--unshare-uts", "--hostname", sandbox.hostname[:63]]
    args += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    args += ["--proc", "/proc", "--dev", "/dev"]
    for target, size in sandbox.tmpfs:
        args += ["--perms", "1777", "--size", str(size), "--tmpfs", target]
    for mount in (*SYSTEM_MOUNTS, *sandbox.mounts):
        args += ["--ro-bind" if mount.read_only else "--bind", str(mount.source), mount.target]
    args += ["--dir", sandbox.workdir]
    for text, place in sandbox.symlinks:
        args += ["--symlink", text, place]
    for name in filter(_steers_loader, sandbox.env):
        args += ["--setenv", name, sandbox.env[name]]
    if sandbox.read_only_root:
        args += ["--remount-ro", "/"]
    return [*args, "--chdir", sandbox.workdir, "--", *argv]


def environment(sandbox: Sandbox) -> dict[str, str]:
    """What the process is started with: bubblewrap hands its own environment on."""
    return {name: value for name, value in sandbox.env.items() if not _steers_loader(name)}


_SMALLEST = Sandbox(mounts=(), env={"PATH": "/usr/bin:/bin"}, workdir="/", hostname="check")


def check(sandbox: Sandbox = _SMALLEST) -> None:
    """Run `true` in a sandbox. Raises SandboxError when that fails, so that not every function and pod has to."""
    try:
        done = subprocess.run(
            command(sandbox, ["true"]), env=environment(sandbox), capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(f"bubblewrap does not run: {error}") from error
    if done.returncode:
        raise SandboxError(
            f"bubblewrap cannot make a sandbox here: {done.stderr.strip()}\n"
            "It needs version 0.8 or newer and user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
            "kernel.apparmor_restrict_unprivileged_userns=0; in a container, a seccomp profile that allows them)"
        )


def _steers_loader(name: str) -> bool:
    return name.startswith("LD_") or name == "GLIBC_TUNABLES"
