"""Views over whole events as the platform sends them."""

import copy

import pytest

from patchmill import events
from tests.support.samples import load_event


def test_each_source_is_told_apart() -> None:
    kinds = (events.is_http, events.is_cos, events.is_ckafka, events.is_timer)
    names = ("function_url", "cos", "ckafka", "timer")
    for name, kind in zip(names, kinds, strict=True):
        assert [k(load_event(name)) for k in kinds] == [k is kind for k in kinds]
    assert events.is_http(load_event("api_gateway"))


@pytest.mark.parametrize("event", [{}, {"Records": []}, {"Records": "x"}, {"Records": [None]}, {"Type": "Other"}])
def test_garbage_is_no_known_source(event: dict[str, object]) -> None:
    assert not any(k(event) for k in (events.is_http, events.is_cos, events.is_ckafka, events.is_timer))


def test_function_url_request_is_read() -> None:
    event = events.HttpEvent(load_event("function_url"))
    assert (event.method, event.path) == ("POST", "/v1/tasks")
    assert event.body == b'{"prompt":"tidy up"}'
    assert event.query == [("a", "1"), ("b", "2")]
    assert event.remote_addr == "111.206.96.145"


def test_api_gateway_request_is_read_with_lower_case_headers() -> None:
    event = events.HttpEvent(load_event("api_gateway"))
    assert event.headers["user-agent"] == "User Agent String"
    assert ("bob", "alice") in event.query
    assert event.remote_addr == "14.17.22.34"


def test_base64_body_is_decoded_and_a_broken_one_is_empty() -> None:
    raw = load_event("function_url")
    assert events.HttpEvent({**raw, "isBase64Encoded": True, "body": "aGk="}).body == b"hi"
    assert events.HttpEvent({**raw, "isBase64Encoded": True, "body": "?"}).body == b""
    assert events.HttpEvent({"httpMethod": "GET", "path": None, "body": None, "headers": None}).body == b""


def test_repeated_query_values_are_kept() -> None:
    raw = {**load_event("function_url"), "queryString": {"a": ["1", "2"]}}
    assert events.HttpEvent(raw).query == [("a", "1"), ("a", "2")]


def test_cos_record_has_the_bare_key_and_the_whole_bucket_name() -> None:
    (record,) = events.cos_records(load_event("cos"))
    assert (record.bucket, record.key) == ("patchmill-code-1253970026", "drops/acme/app.zip")
    assert record.size == 1029
    assert record.meta["x-cos-meta-prompt"] == "tidy%20up"


def test_cos_key_is_percent_decoded() -> None:
    raw = load_event("cos")
    raw["Records"][0]["cos"]["cosObject"]["key"] = "/1253970026/patchmill-code/drops/acme/a%20b.zip"
    assert events.cos_records(raw)[0].key == "drops/acme/a b.zip"


def test_unreadable_cos_record_is_left_out_and_the_next_one_read() -> None:
    raw = load_event("cos")
    broken = copy.deepcopy(raw["Records"][0])
    del broken["cos"]["cosBucket"]
    assert len(events.cos_records({"Records": [broken, raw["Records"][0]]})) == 1


def test_ckafka_records_are_read_in_both_spellings() -> None:
    first, second = events.ckafka_records(load_event("ckafka"))
    assert (first.topic, first.partition, first.offset, first.key) == ("codex-tasks", 1, 36, None)
    assert (second.partition, second.key, second.body) == (1, "01JD", "{}")


@pytest.mark.parametrize("record", [None, {}, {"Ckafka": None}, {"Ckafka": {"msgBody": {"not": "text"}}}])
def test_broken_ckafka_record_can_still_be_parked(record: object) -> None:
    (parsed,) = events.ckafka_records({"Records": [record]})
    assert (parsed.body, parsed.offset) == ("", -1)
