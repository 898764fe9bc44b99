"""One HTTP event through a WSGI app."""

from collections.abc import Iterable
from typing import Any

from patchmill.events import HttpEvent
from submit.wsgi import respond


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("201 Created", [("X-Path", environ["PATH_INFO"]), ("X-Query", environ["QUERY_STRING"])])
    yield environ["wsgi.input"].read()
    yield environ["HTTP_X_NOTE"].encode()


def test_request_and_response_pass_through() -> None:
    event = {
        "httpMethod": "POST",
        "path": "/v1/a%20b",
        "queryString": {"q": "1 2"},
        "headers": {"X-Note": "!", "content-length": "999"},
        "body": "héllo",
    }
    answer = respond(echo, HttpEvent(event))
    assert answer == {"statusCode": 201, "headers": {"X-Path": "/v1/a b", "X-Query": "q=1+2"}, "body": "héllo!"}
