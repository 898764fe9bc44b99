"""Answers written or recorded in advance, given only to the very conversation they belong to.

A cassette is a JSON list of exchanges in their order: {"when": [messages since the last reply], "reply": message}. All
"when" and "reply" up to an exchange are the conversation it answers. In a "when", `{{any}}` stands for any text, so
that a hand-written one can leave out times and paths; everything else must be equal, to the letter. "kept": false says
that the reply is no part of what follows, because the agent could not use it.

in   the conversation so far
out  the reply that follows it; ModelError showing what was expected and what came when they differ
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from patchmill_agent.model import Answer, Answers, Message, ModelError

SHIPPED = Path(__file__).parent / "cassettes"
PREFIX = "scripted/"
ANY = "{{any}}"
SHOWN = 800


class Cassette:
    """Replays one conversation."""

    def __init__(self, name: str, exchanges: list[dict[str, Any]]) -> None:
        self._name, self._exchanges = name, exchanges

    @classmethod
    def load(cls, model: str, folder: Path = SHIPPED) -> Cassette:
        """The cassette behind a model's name `scripted/<name>`. Raises ModelError when there is none."""
        name = model.removeprefix(PREFIX)
        path = folder / f"{name}.json"
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or not path.is_file():
            raise ModelError(f"there is no scripted model {name!r} in this image")
        return cls(name, json.loads(path.read_text()))

    def answer(self, messages: list[Message]) -> Answer:
        expected: list[Message] = []
        for exchange in self._exchanges:
            expected += exchange["when"]
            if len(expected) >= len(messages):
                break
            if exchange.get("kept", True):
                expected.append(exchange["reply"])
        else:
            raise ModelError(f"the cassette {self._name!r} has no reply to a conversation of {len(messages)} messages")
        for place, (wanted, got) in enumerate(zip(expected, messages, strict=False)):
            if not same(wanted, got):
                raise ModelError(_mismatch(self._name, place, wanted, got))
        if len(expected) != len(messages):
            raise ModelError(f"the cassette {self._name!r} expected {len(expected)} messages, got {len(messages)}")
        usage, finish = exchange.get("usage", {}), exchange.get("finish_reason", "tool_calls")
        return Answer(dict(exchange["reply"]), finish, usage.get("input_tokens", 0), usage.get("output_tokens", 0))


class Recorder:
    """Passes a conversation on and writes what was said to `path`, after every answer."""

    def __init__(self, answers: Answers, path: Path) -> None:
        self._answers, self._path = answers, path
        self._exchanges: list[dict[str, Any]] = []
        self._known = 0  # how many messages the last question had

    def answer(self, messages: list[Message]) -> Answer:
        answer = self._answers.answer(messages)
        new = messages[self._known :]
        if self._exchanges:
            last = self._exchanges[-1]
            last["kept"] = new[:1] == [last["reply"]]  # mini-swe-agent drops an answer that it could not use
            new = new[1:] if last["kept"] else new
        self._exchanges.append(
            {
                "when": new,
                "reply": answer.message,
                "finish_reason": answer.finish_reason,
                "usage": {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens},
            }
        )
        self._known = len(messages)
        self._path.write_text(json.dumps(self._exchanges, ensure_ascii=False, indent=1) + "\n")
        return answer


def same(wanted: Message, got: Message) -> bool:
    """Whether a message is the expected one; only its content may hold `{{any}}`."""
    if wanted.keys() != got.keys():
        return False
    if any(wanted[key] != got[key] for key in wanted if key != "content"):
        return False
    text, other = wanted["content"], got["content"]
    if not isinstance(text, str) or not isinstance(other, str):
        return bool(text == other)
    pattern = ".*".join(re.escape(part) for part in text.split(ANY))
    return re.fullmatch(pattern, other, re.DOTALL) is not None


def _mismatch(name: str, place: int, wanted: Message, got: Message) -> str:
    return (
        f"the conversation differs from the cassette {name!r} at message {place + 1}\n"
        f"expected: {_show(wanted)}\ngot:      {_show(got)}"
    )


def _show(message: Message) -> str:
    text = json.dumps(message, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} … {text[-SHOWN // 2 :]}"
