"""HTTP with retries: a request in, an `httpx.Response` below 400 or a `PatchmillError` out.

What may be repeated without harm (GET, PUT, a POST with an Idempotency-Key) is repeated with growing pauses while the
other side can't be reached, is overloaded or is broken, until `patience_s` is used up. Everything else is tried once.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import httpx

from patchmill_client.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PatchmillError,
    UnauthorisedError,
    UnreachableError,
)

# The platform's own answers for a function that crashed, ran out of time or memory, or had no free instance
# (405 and 430 to 450, cloud.tencent.com/document/product/583/42611) say nothing about the request: worth another try.
_BROKEN = frozenset({429, *range(430, 451), 500, 502, 503, 504})
_CRASHED = 405  # the platform's; the server's own 405 is a problem document
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0

Notice = Callable[[str], None]


class Http:
    """One server and, where given, the key that it wants. Not for use by several threads."""

    def __init__(self, base_url: str, key: str | None, *, patience_s: float, notice: Notice) -> None:
        headers = {"User-Agent": f"patchmill/{version('patchmill')}"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self.patience_s = patience_s
        """How long, in seconds, to go on when there is no proper answer."""
        self._notice, self._keyed = notice, key is not None
        self._host = httpx.URL(base_url).netloc.decode()
        self._client = httpx.Client(
            base_url=base_url,
            headers=headers,
            timeout=httpx.Timeout(60, connect=5),
            trust_env=not is_loopback(base_url),  # a company's proxy can't reach this machine's own services
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send and read the whole answer; options as for `stream`. Raises PatchmillError for 400 and above, or none."""
        response = self._send(method, path, whole=True, **options)
        if response.status_code >= 400:
            raise error_of(response, keyed=self._keyed)
        return response

    @contextmanager
    def stream(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Like `request`, but the answer's body is left to the caller."""
        response = self._send(method, path, whole=False, **options)
        try:
            if response.status_code >= 400:
                response.read()
                raise error_of(response, keyed=self._keyed)
            yield response
        except httpx.TransportError as e:
            raise UnreachableError(f"{self._host}: the answer broke off ({_text(e)})") from e
        finally:
            response.close()

    def _send(
        self,
        method: str,
        path: str,
        *,
        whole: bool,
        repeat: bool | None = None,
        content: Callable[[], Iterator[bytes]] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Try until there is a proper answer. `repeat` None: only a GET; `content` makes the body anew for each try."""
        repeat = method == "GET" if repeat is None else repeat
        give_up, pause = time.monotonic() + self.patience_s, _FIRST_PAUSE_S
        while True:
            body = content() if content else None
            response, trouble = self._once(self._client.build_request(method, path, content=body, **options), whole)
            if response is not None:
                return response
            if not repeat or time.monotonic() + pause > give_up:
                raise UnreachableError(f"{self._host} can't be reached: {trouble}")
            self._notice(f"{self._host}: {trouble}; trying again in {pause:.1f} s")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _once(self, request: httpx.Request, whole: bool) -> tuple[httpx.Response | None, str]:
        """One try: the answer, or what went wrong when a repetition could heal it."""
        try:
            response = self._client.send(request, stream=True)
            broken = response.status_code in _BROKEN or _has_crashed(response)
            if whole or broken:
                response.read()
            return (None, f"it answered {response.status_code}{_detail(response)}") if broken else (response, "")
        except httpx.TransportError as e:
            return None, _text(e)

    def close(self) -> None:
        self._client.close()


def error_of(response: httpx.Response, *, keyed: bool) -> PatchmillError:
    """The error that a 4xx answer means, with the server's own words (RFC 9457) where it gives some."""
    status = response.status_code
    if keyed and status == 403 and _is_problem(response):
        return ForbiddenError(f"The key in PATCHMILL_API_KEY may not do that{_detail(response)}")
    if keyed and status in (401, 403):
        return UnauthorisedError(f"The server does not accept the key in PATCHMILL_API_KEY{_detail(response)}.")
    kinds = {404: NotFoundError, 409: ConflictError}
    return kinds.get(status, BadRequestError)(f"The server refused the request ({status}){_detail(response)}")


def is_loopback(url: str) -> bool:
    """True when the URL's host is this machine itself."""
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _has_crashed(response: httpx.Response) -> bool:
    return response.status_code == _CRASHED and not _is_problem(response)


def _is_problem(response: httpx.Response) -> bool:
    """The server's own words, and not those of something in front of it."""
    return "problem+json" in response.headers.get("Content-Type", "")


def _detail(response: httpx.Response) -> str:
    """ ": <what the server says>", fields first named; "" when it is no problem document."""
    if "json" not in response.headers.get("Content-Type", ""):
        return ""
    try:
        problem = response.json()
        parts = [f"{each['field']}: {each['message']}" for each in problem.get("errors") or ()]
        text = "; ".join(parts) or str(problem.get("detail") or problem.get("title") or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
    return f": {text[:1000]}" if text else ""


def _text(error: httpx.TransportError) -> str:
    return str(error) or ("no answer in time" if isinstance(error, httpx.TimeoutException) else type(error).__name__)
