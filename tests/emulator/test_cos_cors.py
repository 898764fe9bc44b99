"""A page in a browser may use presigned URLs where the bucket's CORS rules say so."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.cos import BUCKET, CosServer

PAGE = "https://console.example.com"
RULES: dict[str, Any] = {
    "CORSRule": [
        {
            "AllowedOrigin": ["https://*.example.com"],
            "AllowedMethod": ["GET", "PUT"],
            "AllowedHeader": ["Content-Type", "x-cos-meta-*"],
            "ExposeHeader": ["ETag", "Content-Range"],
            "MaxAgeSeconds": "600",
        },
        {"AllowedOrigin": ["*"], "AllowedMethod": ["HEAD"]},
    ]
}


@pytest.fixture
def shared(cos: CosServer) -> CosServer:
    cos.clients.path_style().put_bucket_cors(Bucket=BUCKET, CORSConfiguration=RULES)
    return cos


def ask_first(cos: CosServer, method: str, headers: str = "", origin: str = PAGE) -> requests.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return requests.options(cos.presigned(method, "k"), headers=asked)


def test_preflight_is_answered_without_a_signature(shared: CosServer) -> None:
    answer = ask_first(shared, "PUT", "content-type, x-cos-meta-a")
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Methods"] == "GET,PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type,x-cos-meta-a"
    assert answer.headers["Access-Control-Max-Age"] == "600"


@pytest.mark.parametrize(
    ("method", "headers", "origin"),
    [
        ("DELETE", "", PAGE),
        ("PUT", "authorization", PAGE),
        ("PUT", "", "https://example.org"),
        ("PUT", "", "http://console.example.com"),
    ],
)
def test_preflight_of_what_no_rule_allows_is_refused(shared: CosServer, method: str, headers: str, origin: str) -> None:
    answer = ask_first(shared, method, headers, origin)
    assert (answer.status_code, "<Code>AccessForbidden</Code>" in answer.text) == (403, True)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_preflight_is_refused_without_rules_or_origin(cos: CosServer) -> None:
    assert ask_first(cos, "PUT").status_code == 403
    assert requests.options(cos.presigned("PUT", "k")).status_code == 403


def test_presigned_put_and_get_show_their_answers_to_the_page(shared: CosServer) -> None:
    put = requests.put(shared.presigned("PUT", "k"), data=b"body", headers={"Origin": PAGE})
    assert put.status_code == 200
    get = requests.get(shared.presigned("GET", "k"), headers={"Origin": PAGE, "Range": "bytes=0-1"})
    assert get.content == b"bo"
    for answer in (put, get):
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Expose-Headers"] == "ETag,Content-Range"
        assert "Origin" in answer.headers["Vary"]


def test_refusal_is_shown_to_the_page_too(shared: CosServer) -> None:
    missing = requests.get(shared.presigned("GET", "none"), headers={"Origin": PAGE})
    assert (missing.status_code, missing.headers["Access-Control-Allow-Origin"]) == (404, PAGE)


def test_any_origin_is_answered_with_a_star(shared: CosServer) -> None:
    shared.clients.path_style().put_object(Bucket=BUCKET, Key="k", Body=b"x")
    head = requests.head(shared.presigned("HEAD", "k"), headers={"Origin": "https://example.org"})
    assert (head.status_code, head.headers["Access-Control-Allow-Origin"]) == (200, "*")


def test_page_that_no_rule_names_gets_no_headers(shared: CosServer) -> None:
    for headers in ({"Origin": "https://example.org"}, {}):
        answer = requests.put(shared.presigned("PUT", "k"), data=b"x", headers=headers)
        assert answer.status_code == 200
        assert "Access-Control-Allow-Origin" not in answer.headers
