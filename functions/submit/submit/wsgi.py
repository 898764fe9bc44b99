"""One HTTP event through a WSGI app: the whole difference between a Function URL and a web server."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

from patchmill.events import HttpEvent

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def respond(app: WSGIApplication, event: HttpEvent) -> dict[str, Any]:
    """The platform's response form: statusCode, headers, body as text."""
    answer: dict[str, Any] = {"statusCode": 500, "headers": {}, "body": ""}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
        answer["statusCode"] = int(status.split(" ", 1)[0])
        answer["headers"] = dict(headers)

    chunks = app(_environ(event), start_response)
    answer["body"] = b"".join(chunks).decode("utf-8", "replace")
    return answer


def _environ(event: HttpEvent) -> dict[str, Any]:
    body = event.body
    headers = event.headers
    environ: dict[str, Any] = {
        "REQUEST_METHOD": event.method,
        "SCRIPT_NAME": "",
        # WSGI wants the bytes of the decoded path, each as one character.
        "PATH_INFO": unquote_to_bytes(event.path).decode("latin-1"),
        "QUERY_STRING": urlencode(event.query),
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": headers.get("host", "localhost").split(":")[0],
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": event.remote_addr,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key != "CONTENT_LENGTH":  # the body's own length is the truth
            environ[f"HTTP_{key}"] = value
    return environ
