"""The `mini` agent: mini-swe-agent's genuine loop against a cassette and against a server that speaks the API."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from patchmill_agent.cassette import Cassette, same
from patchmill_agent.endpoint import Endpoint
from patchmill_agent.model import ModelError
from tests.agent.conftest import AGENT, Pod
from tests.support.git_http import GitServer, git, make_repository

KEY = "sk-canary-1234567890"
DEMO = Path(__file__).parents[2] / "demo" / "repo"
SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && echo 'all done'"


def call(command: str, number: int = 1) -> dict[str, Any]:
    function = {"name": "bash", "arguments": json.dumps({"command": command})}
    return {
        "role": "assistant",
        "content": f"I run {number}.",
        "tool_calls": [{"id": f"c{number}", "type": "function", "function": function}],
    }


class ModelServer(ThreadingHTTPServer):
    """Answers chat completions from a list: an assistant message, a status code, or (status, headers, body)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ModelHandler)
        self.script: list[Any] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _ModelHandler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_POST(self) -> None:
        assert self.path == "/v1/chat/completions"
        self.server.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.keys.add(self.headers["Authorization"])
        step = self.server.script.pop(0)
        if step == "silence":
            self.server.released.wait(60)
            return
        if isinstance(step, dict):
            choice = {"message": step, "finish_reason": "tool_calls"}
            body = {"choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 7}}
            step = (200, {}, json.dumps(body))
        status, headers, text = step
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join(10)


def _run(pod: Pod, model: ModelServer, **env: str) -> dict[str, Any]:
    settings = {
        "PATCHMILL_AGENT": "mini",
        "PATCHMILL_MODEL": "some-model",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": model.url,
    }
    return pod.run("Do it.", **(settings | env))


def test_demo_runs_the_whole_pod_and_its_patch_makes_the_tests_pass(
    pod: Pod, repositories: GitServer, tmp_path: Path
) -> None:
    subprocess.run(["cp", "-a", DEMO, repositories.root / "demo"], check=True)
    make_repository(repositories.root / "demo", {})
    assert pod.fetch_git(f"{repositories.url}/demo/.git")["ok"] is True
    env = {"PATCHMILL_AGENT": "mini", "PATCHMILL_MODEL": "scripted/demo"}
    result = pod.run("One test fails. Find out why and fix it.", **env)
    assert result["ok"] is True, result["message"]
    assert (result["scripted"], result["usage"]["model_calls"]) == (True, 6)
    assert result["message"] == "the scripted model submitted after 6 steps"
    assert b"scripted model scripted/demo: a cassette written in advance answers, no model is asked" in pod.log
    assert b", model:" not in pod.log  # every step says "scripted model"
    manifest = pod.deliver(**env)
    assert (manifest["status"], manifest["scripted"], manifest["patch"]["files"]) == ("COMPLETED", True, 1)
    git("clone", "--quiet", str(repositories.root / "demo"), "checkout", cwd=tmp_path)
    (tmp_path / "diff.patch").write_bytes(pod.bucket.objects["logs/diff.patch"])
    tests = [sys.executable, "-B", "-m", "unittest"]
    assert subprocess.run(tests, cwd=tmp_path / "checkout", capture_output=True, check=False).returncode == 1
    git("apply", str(tmp_path / "diff.patch"), cwd=tmp_path / "checkout")
    assert subprocess.run(tests, cwd=tmp_path / "checkout", capture_output=True, check=False).returncode == 0


def test_conversation_that_leaves_the_cassette_is_an_error_that_shows_both(pod: Pod) -> None:
    make_repository(pod.code, {"other.py": "x\n"})
    result = pod.run("Fix it.", PATCHMILL_AGENT="mini", PATCHMILL_MODEL="scripted/demo")
    assert (result["reason"], result["scripted"]) == ("MODEL_ERROR", True)
    assert "message 4" in result["message"]
    assert "durations/writing.py" in result["message"].split("got:")[0]
    assert "other.py" in result["message"].split("got:")[1]


def test_unknown_cassette_is_a_model_error(pod: Pod) -> None:
    result = pod.run("x", PATCHMILL_AGENT="mini", PATCHMILL_MODEL="scripted/../demo")
    assert (result["reason"], "no scripted model" in result["message"]) == ("MODEL_ERROR", True)


def test_live_model_works_in_the_code_folder_and_usage_is_counted(pod: Pod, model: ModelServer) -> None:
    model.script = [call("echo hi > made.txt; pwd"), call(SUBMIT, 2)]
    result = _run(pod, model)
    assert (result["ok"], result["scripted"], result["summary"]) == (True, False, "all done")
    assert result["usage"] == {"model_calls": 2, "input_tokens": 200, "output_tokens": 14}
    assert (pod.code / "made.txt").exists()
    assert model.keys == {f"Bearer {KEY}"}
    first, second = model.requests
    assert (first["model"], first["tools"][0]["function"]["name"]) == ("some-model", "bash")
    assert "Do it." in first["messages"][1]["content"]
    assert second["messages"][3]["content"].startswith("<returncode>0</returncode>\n<output>\n/")
    assert b"step 1, model:\nI run 1.\n$ echo hi > made.txt; pwd\n" in pod.log
    assert (pod.output / "trajectory.json").exists()


def test_key_is_nowhere_a_command_or_a_reader_could_see_it(pod: Pod, model: ModelServer) -> None:
    look = "env; cat /proc/$PPID/environ /proc/self/environ | tr '\\0' '\\n'"
    model.script = [call(look), call(f"echo {KEY} | tee key.txt | rev | rev", 2), call(SUBMIT, 3)]
    assert _run(pod, model)["ok"] is True
    assert KEY not in model.requests[1]["messages"][3]["content"]
    for path in (*pod.output.iterdir(),):
        assert KEY.encode() not in path.read_bytes()
    assert b"OPENAI_API_KEY" not in pod.log
    assert b"***" in pod.log


def test_recorded_conversation_can_be_replayed(pod: Pod, model: ModelServer, tmp_path: Path) -> None:
    script = [call("ls"), {"role": "assistant", "content": "No tool."}, call("cat a.txt", 2), call(SUBMIT, 3)]
    model.script = list(script)
    (pod.code / "a.txt").write_text("hello\n")
    tape = tmp_path / "tape.json"
    assert _run(pod, model, PATCHMILL_RECORD=str(tape))["ok"] is True
    exchanges = json.loads(tape.read_text())
    assert [exchange["reply"]["content"] for exchange in exchanges] == [step["content"] for step in script]
    assert KEY not in tape.read_text()
    cassette = Cassette("tape", exchanges)
    for request, step in zip(model.requests, script, strict=True):
        assert cassette.answer(request["messages"]).message["content"] == step["content"]
    model.requests[2]["messages"][3]["content"] += "!"
    with pytest.raises(ModelError, match="differs from the cassette"):
        cassette.answer(model.requests[2]["messages"])


def test_wildcard_stands_for_any_text_and_nothing_else_does() -> None:
    wanted = {"role": "tool", "content": "Ran {{any}} in {{any}}s (.*)"}
    assert same(wanted, {"role": "tool", "content": "Ran 5 tests\n in 0.1s (.*)"})
    assert not same(wanted, {"role": "tool", "content": "Ran 5 in 1s (x)"})
    assert not same(wanted, {"role": "user", "content": "Ran 5 in 1s (.*)"})
    assert not same(wanted, {"role": "tool", "content": "Ran 5 in 1s (.*)", "tool_call_id": "x"})


def test_step_limit_ends_the_run_as_budget(pod: Pod, model: ModelServer) -> None:
    model.script = [call("true", n) for n in range(5)]
    result = _run(pod, model, PATCHMILL_STEP_LIMIT="2")
    assert (result["reason"], result["usage"]["model_calls"]) == ("BUDGET", 2)


def test_time_limit_interrupts_a_silent_model(pod: Pod, model: ModelServer) -> None:
    model.script = ["silence"]
    started = time.monotonic()
    assert _run(pod, model, PATCHMILL_TIMEOUT_S="1")["reason"] == "TIMEOUT"
    assert time.monotonic() - started < 6


def test_time_limit_interrupts_a_long_command(pod: Pod, model: ModelServer) -> None:
    model.script = [call("echo begun; sleep 1601")]
    assert _run(pod, model, PATCHMILL_TIMEOUT_S="2")["reason"] == "TIMEOUT"
    assert b"begun\n" in pod.log


def test_model_that_never_calls_the_tool_is_a_model_error(pod: Pod, model: ModelServer) -> None:
    model.script = [{"role": "assistant", "content": "Hm."}] * 3
    result = _run(pod, model)
    assert (result["reason"], result["usage"]["input_tokens"]) == ("MODEL_ERROR", 300)


def test_refused_key_is_a_model_error_with_the_servers_words(pod: Pod, model: ModelServer) -> None:
    model.script = [(401, {}, json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}}))]
    result = _run(pod, model)
    assert result["reason"] == "MODEL_ERROR"
    assert result["message"].endswith("HTTP 401, Incorrect API key provided: ***")


def test_missing_key_or_model_is_a_model_error(pod: Pod, model: ModelServer) -> None:
    assert "OPENAI_API_KEY" in _run(pod, model, OPENAI_API_KEY="")["message"]
    assert "no model is named" in _run(pod, model, PATCHMILL_MODEL="")["message"]


def test_endpoint_retries_what_may_pass_and_obeys_retry_after(model: ModelServer) -> None:
    model.script = [(429, {"Retry-After": "0.2"}, ""), (503, {}, "<html>"), call("ls")]
    started = time.monotonic()
    answer = Endpoint(model.url, KEY, "m", pause_s=0.01).answer([{"role": "user", "content": "x"}])
    assert 0.2 < time.monotonic() - started < 3
    assert (answer.message["tool_calls"][0]["id"], answer.input_tokens) == ("c1", 100)


def test_endpoint_gives_up_in_the_end(model: ModelServer) -> None:
    model.script = [(500, {}, "{}")] * 10
    with pytest.raises(ModelError, match="failed 6 times: HTTP 500"):
        Endpoint(model.url, KEY, "m", pause_s=0.001).answer([])


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"choices": []}', '{"choices": [{"message": null}]}'])
def test_answer_that_is_no_completion_is_a_model_error(model: ModelServer, body: str) -> None:
    model.script = [(200, {}, body)]
    with pytest.raises(ModelError, match="no chat completion"):
        Endpoint(model.url, KEY, "m").answer([])


def test_host_that_is_not_there_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="does not answer"):
        Endpoint("http://127.0.0.1:1/v1", KEY, "m", pause_s=0.001).answer([])


def test_import_is_silent_and_without_litellm() -> None:
    code = "import sys; from patchmill_agent.kinds import mini; print([m for m in sys.modules if 'litellm' in m])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(AGENT), "HOME": "/nonexistent"},
        capture_output=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"[]\n", b"")
