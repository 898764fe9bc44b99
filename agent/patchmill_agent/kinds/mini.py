"""The `mini` agent: mini-swe-agent's loop with our model, our shell and our prompts.

The key stays in this process: commands get an environment of their own, and this process's memory is closed to them.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

# mini-swe-agent prints a banner, makes a folder and reads a .env from it when it is imported, unless told otherwise.
os.environ["MSWEA_SILENT_STARTUP"] = "1"
os.environ["MSWEA_GLOBAL_CONFIG_DIR"] = "/tmp/mini-swe-agent"  # noqa: S108 - the container's own; stays empty

import minisweagent
import yaml
from minisweagent.agents.default import DefaultAgent

from patchmill_agent.cassette import Cassette, Recorder
from patchmill_agent.endpoint import Endpoint
from patchmill_agent.kinds import Ending, Job, Stopped, Usage
from patchmill_agent.kinds.shell import Shell
from patchmill_agent.model import Answers, ChatModel, Message, ModelConfig, ModelError

PROMPTS = Path(__file__).parent.parent / "prompts.yaml"
COMMAND_TIMEOUT_S = 300


def run(job: Job) -> Ending:
    """Let the model work on the task until it submits, fails, or meets a limit."""
    logging.getLogger("minisweagent").handlers.clear()  # it would write to stdout past our log
    until = time.monotonic() + job.settings.timeout_s
    _announce(job)
    prompts = yaml.safe_load(PROMPTS.read_text())
    try:
        answers = _answers(job)
    except ModelError as error:
        return Ending("MODEL_ERROR", str(error))
    model = ChatModel(answers, ModelConfig(model_name=job.settings.model or "", **prompts["model"]))
    agent = LoggedAgent(job, model, Shell(job, until, COMMAND_TIMEOUT_S), prompts["agent"])
    _stop_at_time_limit(job.settings.timeout_s)
    try:
        ending = _judge(agent.run(job.settings.prompt, command_timeout_s=COMMAND_TIMEOUT_S), agent, job)
    except ModelError as error:
        ending = Ending("MODEL_ERROR", str(error))
    except Stopped as stopped:
        ending = stopped.ending
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        agent.save_redacted(job.output / "trajectory.json")
    return ending._replace(usage=Usage(agent.n_calls, *model.usage[1:]))


class LoggedAgent(DefaultAgent):  # type: ignore[misc]
    """The default agent, telling what it does in the run's log."""

    def __init__(self, job: Job, model: ChatModel, shell: Shell, prompts: dict[str, str]) -> None:
        super().__init__(model, shell, step_limit=job.settings.step_limit, cost_limit=0.0, **prompts)
        self._job = job

    def query(self) -> Message:
        message: Message = super().query()
        who = "scripted model" if self._job.settings.scripted else "model"
        self._job.log.note(f"step {self.n_calls}, {who}:")
        if text := (message.get("content") or "").strip():
            self._job.log.write(text.encode("utf-8", "replace") + b"\n")
        return message

    def save_redacted(self, path: Path) -> None:
        """Keep the whole conversation among the run's outputs."""
        text = json.dumps(self.save(None), ensure_ascii=False, indent=1, default=str)
        try:
            path.write_text(self._job.redactor.text(text))
        except OSError as error:
            self._job.log.note(f"trajectory.json could not be written: {error.strerror}")


def _announce(job: Job) -> None:
    settings = job.settings
    job.log.note(f"agent: mini (mini-swe-agent {minisweagent.__version__}), in {job.code}")
    if settings.scripted:
        job.log.note(f"scripted model {settings.model}: a cassette written in advance answers, no model is asked")
    else:
        job.log.note(f"model: {settings.model} at {settings.base_url}")
    job.log.note(f"task: {settings.prompt}")


def _answers(job: Job) -> Answers:
    settings = job.settings
    if settings.scripted:
        return Cassette.load(settings.model or "")
    if not settings.model:
        raise ModelError("no model is named for this task")
    key = settings.secrets.get("OPENAI_API_KEY", "")
    if not key:
        raise ModelError("no OPENAI_API_KEY is set, and the model is not a scripted one")
    endpoint = Endpoint(settings.base_url, key, settings.model)
    return Recorder(endpoint, Path(settings.record)) if settings.record else endpoint


def _stop_at_time_limit(seconds: int) -> None:
    """Interrupt whatever is going on, be it a model's answer of minutes."""

    def strike(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise Stopped(Ending("TIMEOUT", f"the agent was still working after {seconds} seconds and was stopped"))

    signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _judge(outcome: dict[str, Any], agent: LoggedAgent, job: Job) -> Ending:
    status, summary = outcome.get("exit_status"), str(outcome.get("submission") or "").strip()
    match status:
        case "Submitted":
            who = "scripted model" if job.settings.scripted else "model"
            return Ending(None, f"the {who} submitted after {agent.n_calls} steps", None, summary or _last_words(agent))
        case "LimitsExceeded":
            return Ending(
                "BUDGET", f"the limit of {job.settings.step_limit} steps was reached before the task was done"
            )
        case "RepeatedFormatError":
            return Ending("MODEL_ERROR", "the model answered several times without calling the tool")
        case _:
            return Ending("INTERNAL", f"mini-swe-agent ended with {status!r}")


def _last_words(agent: LoggedAgent) -> str:
    texts = [message.get("content") for message in agent.messages if message.get("role") == "assistant"]
    return next((text.strip() for text in reversed(texts) if isinstance(text, str) and text.strip()), "")
