"""The `command` agent: real shells, real limits, and nothing left running."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.agent.conftest import AGENT, Pod

# Seconds that only this test run sleeps, so that its processes can be told from those of another run.
LONG = f"1200.{os.getpid()}"


def _alive() -> list[str]:
    """Living processes whose command line holds LONG."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if process.name.isdigit() and LONG in command and (process / "stat").read_text().split(") ")[1][0] != "Z":
                found.append(command)
        except OSError:
            continue
    return found


def test_output_is_logged_in_order_and_the_result_is_ok(pod: Pod) -> None:
    result = pod.run("echo one; echo two >&2; echo 'x' > made.txt")
    assert (result["ok"], result["reason"], result["exit_code"]) == (True, None, 0)
    assert (result["agent"], result["model"], result["scripted"]) == ("command", None, False)
    assert b"one\ntwo\n[patchmill] done: command exited with 0\n" in pod.log
    assert b"limits: 20 s, 256 processes" in pod.log
    assert (pod.code / "made.txt").read_text() == "x\n"
    assert (pod.output / "prompt.txt").read_text().startswith("echo one")
    assert result["started_at"] <= result["finished_at"]


def test_exit_code_3_is_an_agent_error(pod: Pod) -> None:
    result = pod.run("echo bye; exit 3")
    assert (result["reason"], result["message"], result["exit_code"]) == ("AGENT_ERROR", "command exited with 3", 3)
    assert b"bye\n" in pod.log


def test_command_that_does_not_exist_is_an_agent_error(pod: Pod) -> None:
    assert pod.run("no-such-command-here")["message"] == "command exited with 127"


def test_command_that_never_ends_is_killed_with_its_children(pod: Pod) -> None:
    started = time.monotonic()
    result = pod.run(f"echo before; (setsid sleep {LONG} &) ; sleep {LONG}", PATCHMILL_TIMEOUT_S="1")
    assert time.monotonic() - started < 6
    assert result["reason"] == "TIMEOUT"
    assert "1 seconds" in result["message"]
    assert b"before\n" in pod.log
    assert _alive() == []


def test_background_process_neither_holds_up_the_end_nor_survives(pod: Pod) -> None:
    started = time.monotonic()
    result = pod.run(f"sleep {LONG} & setsid sleep {LONG} & (sleep {LONG} &) ; echo done")
    assert time.monotonic() - started < 6
    assert result["ok"] is True
    assert _alive() == []


def test_command_that_ignores_signals_and_closes_its_output_is_killed(pod: Pod) -> None:
    result = pod.run("trap '' TERM INT HUP; exec >/dev/null 2>&1; while :; do sleep 0.1; done", PATCHMILL_TIMEOUT_S="1")
    assert result["reason"] == "TIMEOUT"


def test_process_limit_ends_a_command_that_forks_without_end(pod: Pod) -> None:
    body = f"os.fork() or (os.setsid(), time.sleep({LONG}), os._exit(0))"
    code = f"import os,time\nwhile True:\n  {body}\n  time.sleep(0.001)"
    started = time.monotonic()
    result = pod.run(f"python3 -c '{code}'", PATCHMILL_MAX_PROCESSES="150")
    assert time.monotonic() - started < 15
    assert result["reason"] == "PROCESS_LIMIT"
    assert "150" in result["message"]
    assert _alive() == []


def test_many_short_lived_orphans_are_no_reason_to_stop(pod: Pod) -> None:
    result = pod.run("for i in $(seq 300); do (true &) ; done; sleep 0.3", PATCHMILL_MAX_PROCESSES="100")
    assert result["ok"] is True, result


def test_sigkill_from_outside_is_taken_for_the_memory_limit(pod: Pod) -> None:
    assert pod.run("kill -9 $$")["reason"] == "OUT_OF_MEMORY"
    assert pod.run("bash -c 'kill -9 $$'; exit $?")["reason"] == "OUT_OF_MEMORY"
    assert pod.run("kill -SEGV $$")["message"] == "command was ended by signal 11"


def test_commands_are_the_first_to_go_when_memory_runs_out(pod: Pod) -> None:
    pod.run("cat /proc/self/oom_score_adj")
    assert b"\n1000\n" in pod.log


def test_full_disk_is_told_from_other_failures(pod: Pod) -> None:
    assert pod.run("echo x > /dev/full")["reason"] == "OUT_OF_DISK"


def test_one_gigabyte_of_output_is_cut_and_costs_little(pod: Pod) -> None:
    prompt = "head -c 1G /dev/zero | tr '\\0' 'x'; echo end >&2; exit 4"
    code = (
        "import os,resource,subprocess,sys\n"
        "subprocess.run([sys.executable,'-m','patchmill_agent','run'],stdout=subprocess.DEVNULL,check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    env = pod.env | {"PATCHMILL_PROMPT": prompt, "PATCHMILL_MAX_LOG_BYTES": "1000000"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=60, check=True)
    result = json.loads((pod.output / "result.json").read_bytes())
    assert result["message"] == "command exited with 4"
    assert 990_000 < len(pod.log) <= 1_000_000
    assert b"the log reached its limit of 1000000 bytes and is cut here" in pod.log
    assert b"more bytes of output were not kept" in pod.log
    assert int(done.stdout) < 60_000  # KiB


def test_environment_of_the_command_is_clean(pod: Pod) -> None:
    secrets = {"OPENAI_API_KEY": "sk-canary-1234567890", "PATCHMILL_UPLOADS": "canary-uploads", "OTHER": "canary-other"}
    result = pod.run(
        "env; cat /proc/$PPID/environ /proc/*/environ 2>/dev/null | tr '\\0' '\\n'| grep -a 'sk-canar[y]-1'", **secrets
    )
    assert result["reason"] == "AGENT_ERROR"  # grep found nothing
    assert b"canary" not in pod.log.split(b"\n", 3)[3]
    names = {line.split(b"=")[0] for line in pod.log.splitlines() if b"=" in line}
    assert {b"PATH", b"HOME", b"LANG"} <= names
    assert not [name for name in names if name.startswith((b"PATCHMILL", b"OPENAI"))]


def test_secret_in_the_output_is_hidden_also_in_the_prompt(pod: Pod) -> None:
    key = "sk-canary-1234567890"
    result = pod.run(f"printf %s {key[:8]}; sleep 0.2; echo {key[8:]}; echo {key} | base64; exit 5", OPENAI_API_KEY=key)
    for text in (pod.log, (pod.output / "prompt.txt").read_bytes(), json.dumps(result).encode()):
        assert key.encode() not in text
    assert b"***" in pod.log
    assert b"c2stY2FuYXJ5LTEyMzQ1Njc4" not in pod.log


def test_log_survives_an_agent_that_destroys_it(pod: Pod) -> None:
    result = pod.run(
        "echo kept; rm -rf $OLDPWD ../output/*; mkdir ../output/result.json; ln -s /etc/passwd ../output/agent.log"
    )
    assert result["ok"] is True
    assert not (pod.output / "agent.log").is_symlink()
    assert b"kept\n" in pod.log


def test_sigterm_leaves_a_result_and_no_process(pod: Pod) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "patchmill_agent", "run"],
        env=pod.env | {"PATCHMILL_PROMPT": f"echo started; sleep {LONG}"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    while b"started\n" not in (line := process.stdout.readline()) or line.startswith(b"[patchmill]"):
        pass
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()
    result = json.loads((pod.output / "result.json").read_bytes())
    assert (result["reason"], "SIGTERM" in result["message"]) == ("INTERNAL", True)
    assert b"SIGTERM" in pod.log
    assert _alive() == []


def test_killed_runner_leaves_a_provisional_result(pod: Pod) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "patchmill_agent", "run"],
        env=pod.env | {"PATCHMILL_PROMPT": "kill -9 $PPID"},
        stdout=subprocess.DEVNULL,
    )
    assert process.wait(10) == -9
    assert json.loads((pod.output / "result.json").read_bytes())["reason"] == "INTERNAL"


def test_failed_fetch_keeps_the_agent_from_starting_and_says_so(pod: Pod) -> None:
    assert pod.fetch_zip(b"no zip")["ok"] is False
    done = pod.stage("run", PATCHMILL_PROMPT="touch started")
    assert done.returncode == 0
    assert done.stdout == pod.log == b"[patchmill] the agent was not started: not a ZIP file\n"
    assert not (pod.output / "result.json").exists()
    assert not (pod.code / "started").exists()


@pytest.mark.parametrize("env", [{"PATCHMILL_AGENT": "codex"}, {"PATCHMILL_TIMEOUT_S": "soon"}])
def test_wrong_settings_are_an_internal_failure_with_exit_code_0(pod: Pod, env: dict[str, str]) -> None:
    assert pod.stage("run", PATCHMILL_PROMPT="true", **env).returncode == 0
    assert json.loads((pod.output / "result.json").read_bytes())["reason"] == "INTERNAL"


def test_unprivileged_command_cannot_read_the_runner(pod: Pod) -> None:
    """As in the pod, without root's right to look everywhere: the runner's environment, memory and files are closed."""
    drop = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"] if os.geteuid() == 0 else []
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") if drop else sys.executable
    assert python
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(AGENT / "patchmill_agent", Path(folder, "patchmill_agent"))
        Path(folder, "code").mkdir()
        if drop:
            subprocess.run(["chown", "-R", "1000:1000", folder], check=True)
        env = {"PYTHONPATH": folder, "PATCHMILL_APP_ROOT": folder, "OPENAI_API_KEY": "sk-canary-1234567890"}
        prompt = "cat /proc/$PPID/environ; ls /proc/$PPID/fd; head -c 1 /proc/$PPID/mem; echo checked"
        done = subprocess.run(
            [*drop, python, "-m", "patchmill_agent", "run"],
            env={"PATH": os.environ["PATH"], "PATCHMILL_AGENT": "command", "PATCHMILL_PROMPT": f"cd /; {prompt}"} | env,
            capture_output=True,
            timeout=30,
            check=False,
        )
    assert done.stdout.count(b"Permission denied") == 3, done
    assert b"checked" in done.stdout
