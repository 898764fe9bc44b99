"""The model of the `mini` agent: mini-swe-agent's Model protocol over whatever answers a conversation.

in   the conversation so far (mini-swe-agent 2.4.6, minisweagent/__init__.py, class Model)
out  the next assistant message with the commands in it; usage counted
"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

from minisweagent.exceptions import FormatError
from minisweagent.models.utils.actions_toolcall import format_toolcall_observation_messages, parse_toolcall_actions
from pydantic import BaseModel

from patchmill_agent.kinds import Usage

Message = dict[str, Any]


class ModelError(Exception):
    """The model cannot or will not answer. The text is shown to the user and holds no key."""


class Answer(NamedTuple):
    """One answer as the chat-completions API gives it: the assistant message, why it ended, tokens in and out."""

    message: Message
    finish_reason: str
    input_tokens: int = 0
    output_tokens: int = 0


class Answers(Protocol):
    """Something that continues a conversation: an endpoint, a cassette, a recorder in front of either."""

    def answer(self, messages: list[Message]) -> Answer: ...


class ModelConfig(BaseModel):
    """The templates come from prompts.yaml."""

    model_name: str
    observation_template: str
    format_error_template: str


class ChatModel:
    """Turns answers into commands and commands' outputs into messages."""

    def __init__(self, answers: Answers, config: ModelConfig) -> None:
        self.config = config
        self.usage = Usage()
        self._answers = answers

    def query(self, messages: list[Message], **_: Any) -> Message:
        """The next assistant message. Raises FormatError (the agent asks again) or ModelError (the run ends)."""
        answer = self._answers.answer([plain(message) for message in messages])
        self.usage = Usage(
            self.usage.model_calls + 1,
            self.usage.input_tokens + answer.input_tokens,
            self.usage.output_tokens + answer.output_tokens,
        )
        calls = [
            SimpleNamespace(id=c["id"], function=SimpleNamespace(**c["function"])) for c in tool_calls(answer.message)
        ]
        try:
            actions = parse_toolcall_actions(
                calls,
                format_error_template=self.config.format_error_template,
                template_kwargs={"finish_reason": answer.finish_reason},
            )
        except FormatError as error:
            # The answer itself is not kept: APIs refuse a tool call without its result. Only the complaint stays.
            error.messages[0]["extra"] |= {"cost": 0.0, "response": answer.message}
            raise
        return answer.message | {"extra": {"actions": actions, "cost": 0.0, "timestamp": time.time()}}

    def format_message(self, **message: Any) -> Message:
        return message

    def format_observation_messages(
        self, message: Message, outputs: list[Message], template_vars: dict[str, Any] | None = None
    ) -> list[Message]:
        formatted: list[Message] = format_toolcall_observation_messages(
            actions=message.get("extra", {}).get("actions", []),
            outputs=outputs,
            observation_template=self.config.observation_template,
            template_vars=template_vars,
        )
        return formatted

    def get_template_vars(self, **_: Any) -> dict[str, Any]:
        return self.config.model_dump()

    def serialize(self) -> dict[str, Any]:
        return {"info": {"config": {"model": self.config.model_dump()}}}


def plain(message: Message) -> Message:
    """A message as the API knows it, without mini-swe-agent's own notes."""
    return {key: value for key, value in message.items() if key != "extra"}


def tool_calls(message: Message) -> list[Message]:
    """The message's tool calls in full, whatever a sloppy server left out of them."""
    calls = []
    for number, call in enumerate(message.get("tool_calls") or []):
        function = call.get("function") or {}
        name, arguments = str(function.get("name", "")), function.get("arguments", "")
        calls.append({"id": call.get("id") or f"call_{number}", "function": {"name": name, "arguments": arguments}})
    return calls
