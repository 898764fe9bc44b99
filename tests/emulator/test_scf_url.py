"""Function URL: HTTP to the documented event, and a function's answer to HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.scf import Cloud, Code, http, run_scf

ECHO = """
    import json

    def main_handler(event, context):
        return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}
"""
CORS = {"Enable": True, "Origins": ["https://a.example"], "Methods": ["PUT"], "Headers": ["x-own"], "MaxAge": 60}
ANSWER = """
    import json

    def main_handler(event, context):
        return json.loads(event["body"])
"""
FAIL = """
    import os, time

    def main_handler(event, context):
        if event["path"] == "/exit":
            os._exit(1)
        if event["path"] == "/sleep":
            time.sleep(60)
        raise ValueError("secret of the house")
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    functions = {
        "echo": Code(ECHO, triggers=[http()]),
        "answer": Code(ANSWER, triggers=[http()]),
        "fail": Code(FAIL, {"Timeout": 1}, triggers=[http()]),
        "signed": Code(ECHO, triggers=[http(AuthType="CAM")]),
        "browser": Code(ECHO, triggers=[http(CorsConfig=CORS)]),
    }
    with run_scf(tmp_path_factory.mktemp("scf"), functions) as running:
        yield running


@pytest.fixture(scope="module")
def echo(cloud: Cloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.url("echo")) as client:
        yield client


@pytest.fixture(scope="module")
def answer(cloud: Cloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.url("answer")) as client:
        yield client


@pytest.fixture(scope="module")
def fail(cloud: Cloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.url("fail")) as client:
        yield client


def test_event_is_the_documented_one(echo: httpx.Client) -> None:
    given = echo.post("/a/b%2Fc?x=1&y=2&y=3&z=", content='{"test":"größer"}', headers={"X-Own": "Mine"}).json()
    headers = given.pop("headers")
    assert given == {
        "body": '{"test":"größer"}',
        "httpMethod": "POST",
        "path": "/a/b%2Fc",
        "queryString": {"x": "1", "y": ["2", "3"], "z": ""},
    }
    assert all(name == name.lower() for name in headers)
    assert headers["x-own"] == "Mine" and headers["x-scf-remote-addr"] == "127.0.0.1"
    assert headers["content-length"] == "19"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_reaches_the_function(echo: httpx.Client, method: str) -> None:
    answer = echo.request(method, "/")
    assert answer.status_code == 200
    assert method == "HEAD" or answer.json()["httpMethod"] == method


def test_repeated_headers_are_joined(echo: httpx.Client) -> None:
    assert echo.get("/", headers=[("x-two", "a"), ("x-two", "b")]).json()["headers"]["x-two"] == "a, b"


def test_structured_answer_becomes_the_response(answer: httpx.Client) -> None:
    given = {"statusCode": 201, "headers": {"X-Own": "Mine", "content-length": "999"}, "body": "größer"}
    response = answer.post("/", json=given)
    assert (response.status_code, response.text) == (201, "größer")
    assert response.headers["x-own"] == "Mine" and response.headers["content-length"] == "8"
    assert response.headers["x-scf-request-id"]


@pytest.mark.parametrize("value", ["null", "[1, 2]", '{"a": "b"}', '"text"', "3"])
def test_any_other_json_is_the_body_of_a_200(answer: httpx.Client, value: str) -> None:
    response = answer.post("/", content=value)
    assert (response.status_code, response.text) == (200, value)
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "given",
    [
        {"statusCode": "200"}, {"statusCode": True}, {"statusCode": 99}, {"statusCode": 600},
        {"statusCode": 200, "body": {"a": 1}}, {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": ["b"]}}, {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "b\r\nset-cookie: c"}}, {"statusCode": 200, "headers": {"a": "中"}},
    ],
)  # fmt: skip
def test_malformed_answer_is_403(answer: httpx.Client, given: dict[str, object]) -> None:
    response = answer.post("/", json=given)
    assert (response.status_code, response.json()["errorMessage"]) == (403, "Invalid scf response format")
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("status", [204, 304])
def test_answer_without_a_body_by_its_status_has_none(answer: httpx.Client, status: int) -> None:
    response = answer.post("/", json={"statusCode": status, "body": "x"})
    assert (response.status_code, response.content) == (status, b"")


@pytest.mark.parametrize(("path", "status"), [("/", 430), ("/exit", 439), ("/sleep", 433)])
def test_failed_function_answers_with_the_platforms_code(fail: httpx.Client, path: str, status: int) -> None:
    response = fail.get(path)
    assert response.status_code == status
    failure = response.json()
    assert set(failure) == {"errorCode", "errorMessage", "requestId", "statusCode"}
    assert (failure["errorCode"], failure["statusCode"]) == (-1, status)
    assert failure["requestId"] == response.headers["x-scf-request-id"]
    assert "secret of the house" not in response.text


def test_too_large_request_is_406(echo: httpx.Client) -> None:
    assert echo.post("/", content=b"x" * ((6 << 20) + 1)).status_code == 406
    assert echo.get("/").status_code == 200


def test_body_that_is_no_text_arrives_with_replacements(echo: httpx.Client) -> None:
    assert echo.post("/", content=b"a\xffb").json()["body"] == "a\ufffdb"


def test_url_that_wants_a_signature_refuses_everybody(cloud: Cloud) -> None:
    response = httpx.get(cloud.url("signed"))
    assert (response.status_code, response.json()["statusCode"]) == (401, 401)


def test_preflight_is_answered_where_cors_is_on(cloud: Cloud) -> None:
    asked = {"origin": "https://a.example", "access-control-request-method": "PUT"}
    answer = httpx.options(cloud.url("browser"), headers=asked)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://a.example")
    assert answer.headers["access-control-max-age"] == "60"
    assert httpx.options(cloud.url("browser"), headers={**asked, "origin": "https://b.example"}).status_code == 400
    assert "access-control-allow-origin" not in httpx.get(cloud.url("echo"), headers=asked).headers
