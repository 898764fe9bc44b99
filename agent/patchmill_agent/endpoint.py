"""A live model: any endpoint that speaks OpenAI's chat-completions API.

in   OPENAI_BASE_URL, OPENAI_API_KEY, the model's name, a conversation
out  the answer; ModelError with a clear sentence when there is none
API: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from minisweagent.models.utils.actions_toolcall import BASH_TOOL

from patchmill_agent.model import Answer, Message, ModelError

CONNECT_S, READ_S = 10.0, 300.0
TRIES, LONGEST_PAUSE_S = 6, 60.0
PASSING = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


class Endpoint:
    """`pause_s` is the first wait after a fault; it doubles each time unless the server says how long."""

    def __init__(self, base_url: str, api_key: str, model: str, *, pause_s: float = 1.0) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._model, self._pause_s = model, pause_s
        self._session = requests.Session()
        self._session.trust_env = True  # the cluster's proxy; netrc has nothing for us since HOME is empty
        self._session.headers["Authorization"] = f"Bearer {api_key}"

    def answer(self, messages: list[Message]) -> Answer:
        body = {"model": self._model, "messages": messages, "tools": [BASH_TOOL]}
        problem, pause = "", self._pause_s
        for attempt in range(TRIES):
            if attempt:
                time.sleep(min(pause, LONGEST_PAUSE_S))
                pause = self._pause_s * 2**attempt
            try:
                response = self._session.post(self._url, json=body, timeout=(CONNECT_S, READ_S), allow_redirects=False)
            except requests.ConnectionError:
                problem = "it does not answer"
                continue
            except requests.Timeout:
                problem = f"no answer within {READ_S:.0f} s"
                continue
            except requests.RequestException as error:
                raise ModelError(f"the model's address cannot be used: {type(error).__name__}") from error
            if response.status_code == 200:
                return read_answer(response)
            problem = f"HTTP {response.status_code}{_said(response)}"
            if response.status_code not in PASSING:
                raise ModelError(f"the model's server refused the request: {problem}")
            pause = _retry_after(response) or pause
        raise ModelError(f"the model's server failed {TRIES} times: {problem}")


def read_answer(response: requests.Response) -> Answer:
    """The first choice of a chat completion. Raises ModelError for anything else."""
    try:
        body = response.json()
        choice = body["choices"][0]
        message: Message = choice["message"]
        usage = body.get("usage") or {}
        kept: Message = {"role": "assistant", "content": message.get("content")}
        if message.get("tool_calls"):
            kept["tool_calls"] = [_call(number, call) for number, call in enumerate(message["tool_calls"])]
        tokens = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        return Answer(kept, str(choice.get("finish_reason") or ""), *tokens)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ModelError("the model's server answered something that is no chat completion") from error


def _call(number: int, call: dict[str, Any]) -> dict[str, Any]:
    function = {"name": str(call["function"]["name"]), "arguments": str(call["function"].get("arguments") or "")}
    return {"id": call.get("id") or f"call_{number}", "type": "function", "function": function}


def _said(response: requests.Response) -> str:
    """The server's own sentence, short: proxies answer with whole pages."""
    try:
        error = response.json()["error"]
        text = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError):
        return ""
    return f", {str(text)[:300]}"


def _retry_after(response: requests.Response) -> float | None:
    """Seconds from a Retry-After header, a number or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
