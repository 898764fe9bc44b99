"""The functions' log: one JSON line per event, with who and how long, and without what must not be kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from patchmill import log
from patchmill.errors import SettingsError
from tests.support import samples

CONTEXT = {"request_id": "req-1", "function_name": "collect", "environment": "{}"}
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def usual_level() -> Iterator[None]:
    yield
    log.set_level("info")


def lines(capsys: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_line_of_an_event_carries_its_request_and_the_last_one_how_long_it_took(capsys: Capture) -> None:
    with log.event("cos", CONTEXT, records=2):
        with log.bind(task="T", attempt=1):
            log.info("phase", phase="UPLOADING")
        log.note(tenant="acme")
    first, last = lines(capsys)
    assert (first["event"], first["request_id"], first["function"]) == ("phase", "req-1", "collect")
    assert (first["task"], first["attempt"]) == ("T", 1)
    assert (last["event"], last["trigger"], last["records"], last["tenant"]) == ("handled", "cos", 2, "acme")
    assert last["duration_s"] >= 0 and "task" not in last


def test_nothing_of_one_event_stays_for_the_next(capsys: Capture) -> None:
    with log.event("http", CONTEXT):
        log.note(tenant="acme")
    with log.event("http", {}):
        pass
    assert "tenant" not in lines(capsys)[-1]


def test_failed_event_says_so_instead(capsys: Capture) -> None:
    with pytest.raises(ValueError, match="no good"), log.event("timer", CONTEXT):
        raise ValueError("no good: https://user:pass-canary@host/path?sign=canary")
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["trigger"]) == ("failed", "error", "timer")
    assert line["error"] == "ValueError: no good: https://host/path?…"


def test_urls_lose_what_is_secret_in_them(capsys: Capture) -> None:
    log.error("x", error="PUT https://b.cos.test/logs/a?q-signature=canary and mysql://root:canary@db/patchmill failed")
    text = capsys.readouterr().out
    assert "canary" not in text
    assert "https://b.cos.test/logs/a?…" in text and "mysql://db/patchmill" in text


def test_long_text_is_cut_and_each_line_is_one_line(capsys: Capture) -> None:
    log.info("x", error="a\nb" + "c" * 5000)
    (line,) = lines(capsys)
    assert len(line["error"]) == log.MAX_TEXT + 1


def test_prompt_is_written_at_debug_only(capsys: Capture) -> None:
    log.debug("claimed", prompt="tidy")
    assert capsys.readouterr().out == ""
    log.set_level("debug")
    log.debug("claimed", prompt="tidy")
    assert lines(capsys)[0]["prompt"] == "tidy"
    log.set_level("error")
    log.warning("x")
    assert capsys.readouterr().out == ""


def test_level_endpoint_and_headers_are_settings() -> None:
    usual = samples.settings_with()
    assert (usual.log_level, usual.otlp_endpoint, usual.otlp_headers) == ("info", None, ())
    given = samples.settings_with(
        PATCHMILL_LOG_LEVEL="debug",
        PATCHMILL_OTLP_ENDPOINT="https://collector.test:4318/otlp",
        PATCHMILL_OTLP_HEADERS="X-Key=a%2Cb, other=1,",
    )
    assert (given.log_level, given.otlp_endpoint) == ("debug", "https://collector.test:4318/otlp")
    assert given.otlp_headers == (("x-key", "a,b"), ("other", "1"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATCHMILL_LOG_LEVEL", "verbose"),
        ("PATCHMILL_OTLP_ENDPOINT", "collector:4318"),
        ("PATCHMILL_OTLP_ENDPOINT", "http://key-canary@collector"),
        ("PATCHMILL_OTLP_ENDPOINT", "http://collector?key=canary"),
        ("PATCHMILL_OTLP_ENDPOINT", "http://[::1"),
        ("PATCHMILL_OTLP_HEADERS", "canary"),
        ("PATCHMILL_OTLP_HEADERS", "a b=canary"),
        ("PATCHMILL_OTLP_HEADERS", "a=%20canary"),
        ("PATCHMILL_OTLP_HEADERS", "a=canary%0d%0aevil: 1"),
    ],
)
def test_unusable_setting_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        samples.settings_with(**{name: value})
    assert "canary" not in str(caught.value)
