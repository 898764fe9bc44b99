"""The sandbox: what a program inside can see, write and do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emulator.sandbox import Mount, Sandbox, SandboxError, check, command, environment, python_mounts

PATH = {"PATH": "/usr/bin:/bin"}


def sandbox(*mounts: Mount, env: dict[str, str] | None = None, tmpfs: tuple[tuple[str, int], ...] = ()) -> Sandbox:
    return Sandbox(mounts=mounts, env={**PATH, **(env or {})}, workdir="/", hostname="box", tmpfs=tmpfs)


def run(box: Sandbox, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(box, argv), env=environment(box), capture_output=True, text=True, timeout=20)


def shell(script: str, box: Sandbox | None = None) -> str:
    done = run(box or sandbox(), "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_program_is_user_1000_and_pid_1_on_a_host_of_its_own_name() -> None:
    assert shell("id -u; id -g; id -un; echo $$; hostname") == "1000\n1000\nuser\n1\nbox\n"


def test_the_program_has_no_capability_and_cannot_gain_one() -> None:
    status = dict(line.split(":\t", 1) for line in shell("cat /proc/self/status").splitlines())
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"


def test_no_user_namespace_can_be_made_inside() -> None:
    assert run(sandbox(), "unshare", "-U", "true").returncode != 0


def test_nothing_of_home_or_the_project_is_there() -> None:
    project = Path(__file__).parents[2]
    seen = shell(f"ls -A /; ls {project} {Path.home()} 2>/dev/null || true").split()
    assert set(seen) <= {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "usr"}


def test_no_process_of_the_host_is_visible() -> None:
    assert shell("ls /proc | grep -c '^[0-9]*$'") in ("2\n", "3\n", "4\n")  # sh, ls, grep


def test_no_setting_of_the_kernel_is_writable() -> None:
    # Matters most when the emulator is root: /proc/sys then belongs to the very user of the sandbox.
    prune = "-path '/proc/[0-9]*' -prune -o -path /proc/self -prune -o -path /proc/thread-self -prune"
    assert shell(f"find /proc {prune} -o -writable -print || true") == ""  # an ordinary user may not enter all of it
    assert shell("ls /sys 2>/dev/null || true") == ""


def test_only_harmless_devices_are_there() -> None:
    names = set(shell("find /dev -type c -o -type b | sort").split())
    assert {Path(name).name for name in names} <= {"null", "zero", "full", "random", "urandom", "tty", "ptmx"}


def test_a_read_only_mount_cannot_be_written_and_another_can(tmp_path: Path) -> None:
    for name in ("ro", "rw"):
        (tmp_path / name).mkdir()
    box = sandbox(Mount(tmp_path / "ro", "/ro"), Mount(tmp_path / "rw", "/rw", read_only=False))
    assert shell("touch /ro/x 2>/dev/null || echo refused; echo hello > /rw/x", box) == "refused\n"
    assert (tmp_path / "rw" / "x").read_text() == "hello\n"


def test_the_root_and_the_system_are_read_only() -> None:
    for place in ("/x", "/usr/x", "/etc/x"):
        assert run(sandbox(), "touch", place).returncode != 0


def test_a_file_of_one_sandbox_is_readable_in_the_next(tmp_path: Path) -> None:
    box = sandbox(Mount(tmp_path, "/box", read_only=False))
    shell("umask 077; mkdir /box/d; echo secret > /box/d/f", box)
    assert shell("cat /box/d/f; stat -c %u /box/d/f", box) == "secret\n1000\n"


def test_a_tmpfs_takes_no_more_than_its_size() -> None:
    box = sandbox(tmpfs=(("/tmp", 1 << 20),))
    done = run(box, "dd", "if=/dev/zero", "of=/tmp/x", "bs=64k", "count=32")
    assert "No space left" in done.stderr


def test_environment_values_are_inside_and_not_on_the_command_line() -> None:
    box = sandbox(env={"TOKEN": "s3cret"})
    assert not any("s3cret" in word for word in command(box, ["true"]))
    assert shell("echo $TOKEN; env | wc -l", box).split()[0] == "s3cret"


def test_the_host_environment_stays_outside() -> None:
    names = {line.split("=")[0] for line in shell("env").splitlines()}
    assert names <= {"PATH", "PWD", "_", "SHLVL", "OLDPWD"}


def test_a_loader_variable_acts_on_the_program_only() -> None:
    box = sandbox(env={"LD_PRELOAD": "/nowhere.so"})
    assert "LD_PRELOAD" not in environment(box)
    assert shell("echo $LD_PRELOAD 2>/dev/null", box) == "/nowhere.so\n"


def test_an_interpreter_outside_usr_runs() -> None:
    python = Path(sys.executable).resolve()
    assert run(sandbox(*python_mounts(python)), str(python), "-c", "import ssl, json; print(1)").stdout == "1\n"
    assert python_mounts(Path("/usr/bin/python3")) == ()


def test_exit_codes_come_through() -> None:
    assert run(sandbox(), "sh", "-c", "exit 7").returncode == 7
    missing = run(sandbox(), "no-such-program")
    assert missing.returncode == 1
    assert "no-such-program" in missing.stderr


def test_a_machine_that_cannot_make_sandboxes_is_told_with_the_reason(tmp_path: Path) -> None:
    check()
    with pytest.raises(SandboxError, match="missing-folder"):
        check(sandbox(Mount(tmp_path / "missing-folder", "/x")))


def test_a_missing_workdir_is_made() -> None:
    box = Sandbox(mounts=(), env=PATH, workdir="/some/where", hostname="box")
    assert shell("pwd", box) == "/some/where\n"


def test_every_process_inside_ends_with_the_parent(tmp_path: Path) -> None:
    marker = f"7{os.getpid()}"
    box = sandbox(env={})
    script = f"import subprocess; subprocess.Popen({command(box, ['sh', '-c', f'sleep {marker} & sleep {marker}'])!r}, "
    script += f"env={environment(box)!r}); input()"
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    until(lambda: len(sleepers(marker)) == 2)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    until(lambda: not sleepers(marker))


def sleepers(marker: str) -> list[str]:
    """Pids of the processes `sleep <marker>`."""
    wanted = f"sleep\0{marker}\0".encode()
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if reads(path) == wanted]


def reads(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def until(holds: object) -> None:
    end = time.monotonic() + 10
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_can_make_one_too() -> None:
    box = sandbox()
    drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    done = subprocess.run(drop + command(box, ["id", "-u"]), env=environment(box), capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("1000\n", "")
