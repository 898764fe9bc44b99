"""What dashboards, alarms and rules read is what the system writes: both sides are read here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.kinds._observed import alarms, charts
from deployer.kinds.logindex import RULE
from emulator.api.clssql import select
from emulator.api.logquery import test_of as search
from submit import metrics
from tests.support import logevents
from tests.support.deployer_stage import declaration
from tests.support.observed import FOLDER, FUNCTIONS, REPOSITORY, observability

RUNBOOK = (REPOSITORY / "docs" / "runbook.md").read_text("utf-8")
TYPES = {each["Key"]: each["Value"]["Type"] for each in RULE["KeyValue"]["KeyValues"]}
EVENTS = logevents.events()
PROMETHEUS = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
GRAFANA = json.loads((FOLDER / "grafana.json").read_text("utf-8"))
_NOT_INDEXED = {"applied", "keys", "missing", "label", "name", "resource", "trace", "prompt"}
"""Lists, which the platform makes no fields of, and what nobody counts by; `prompt` stands at level debug alone."""


def queries() -> dict[str, str]:
    """All queries for CLS, by the alarm's or chart's name."""
    from dataclasses import replace

    whole = declaration(Path("/"))
    functions = {name: replace(whole.functions["web"], name=name) for name in FUNCTIONS}
    made = replace(whole, functions=functions, observability=observability())
    board = charts(made)
    assert board
    return {each.name: each.query for each in alarms(made)} | {each.title: each.query for each in board[1]}


QUERIES = queries()


def fields(query: str) -> set[str]:
    """The fields that a query names, in its search or its SELECT."""
    search, _, sql = query.partition("|")
    plain = re.sub(r"'[^']*'", "", sql)
    given = set(re.findall(r"\bAS (\w+)", plain)) - {"double"}
    return set(re.findall(r"(\w+):", search)) | {
        word for word in re.findall(r"[A-Za-z_]\w*", plain) if word in TYPES or word.startswith("SCF_")
    } - (given - set(TYPES))


def named_events(query: str) -> set[str]:
    """The events that a query asks for by name."""
    found = set(re.findall(r'event:"(\w+)"', query))
    for listed in re.findall(r"event IN \(([^)]*)\)", query):
        found |= set(re.findall(r"'(\w+)'", listed))
    return found


@pytest.mark.parametrize("name", QUERIES)
def test_the_fields_of_a_query_are_emitted_and_indexed(name: str) -> None:
    ours = {field for field in fields(QUERIES[name]) if not field.startswith("SCF_")}
    asked = named_events(QUERIES[name]) or set(EVENTS)
    assert named_events(QUERIES[name]) <= EVENTS.keys()
    carried = set().union(*(EVENTS[event] for event in asked)) | logevents.COMMON | logevents.bound()
    assert ours <= carried
    assert fields(QUERIES[name]) <= TYPES.keys()


def test_every_query_is_about_fields_at_all() -> None:
    assert all(fields(query) for query in QUERIES.values())
    assert "queue_oldest_s" in fields(QUERIES["queue-age"])


def test_an_event_is_asked_for_at_the_level_that_it_has() -> None:
    for query in QUERIES.values():
        for level in re.findall(r'level:"(\w+)"', query):
            assert all(level in logevents.levels()[event] for event in named_events(query))


def test_every_field_that_is_logged_can_be_counted_by() -> None:
    logged = set().union(*EVENTS.values()) | logevents.COMMON | logevents.bound()
    assert logged - _NOT_INDEXED <= TYPES.keys()


def test_words_that_a_query_compares_with_are_words_of_the_system() -> None:
    from patchmill.task import Status

    known = {status.value for status in Status}
    compared = {word for query in QUERIES.values() for word in re.findall(r"status = '(\w+)'", query)}
    assert compared and compared <= known


class _Numbers:
    """Every metric that /metrics can show, with the labels of each."""

    def __init__(self) -> None:
        from patchmill.adapters.stats import Queue

        self.labels: dict[str, set[str]] = {}
        for family in metrics._Collector([], Queue(0, 0.0)).collect():
            for suffix in {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""]):
                le = {"le"} if suffix == "_bucket" else set()
                self.labels[f"{family.name}{suffix}"] = set(getattr(family, "_labelnames", ())) | le


NUMBERS = _Numbers().labels


def expressions() -> list[str]:
    targets = [target["expr"] for panel in GRAFANA["panels"] for target in panel["targets"]]
    return targets + [rule["expr"] for group in PROMETHEUS["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("expression", expressions())
def test_metrics_and_labels_of_an_expression_are_emitted(expression: str) -> None:
    names = re.findall(r"\bpatchmill_\w+", expression)
    assert names and set(names) <= NUMBERS.keys()
    known = set().union(*(NUMBERS[name] for name in names))
    used = set(re.findall(r"[{,]\s*(\w+)\s*(?:=~|!=|=)", expression))
    for listed in re.findall(r"by \(([^)]*)\)", expression):
        used |= {label.strip() for label in listed.split(",")}
    assert used <= known


def test_legends_name_labels_that_the_expression_keeps() -> None:
    for panel in GRAFANA["panels"]:
        for target in panel["targets"]:
            kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept


def test_statuses_that_an_expression_matches_exist() -> None:
    from patchmill.task import Status

    matched = {
        word for text in expressions() for found in re.findall(r'status=~?"([^"]+)"', text) for word in found.split("|")
    }
    assert matched and matched <= {status.value for status in Status}


def test_grafana_has_panels_that_do_not_cover_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in GRAFANA["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in GRAFANA["panels"]}) == len(GRAFANA["panels"])


def headings() -> set[str]:
    return set(re.findall(r"^## ([a-z-]+)$", RUNBOOK, re.MULTILINE))


def alarm_names() -> set[str]:
    raw: dict[str, Any] = yaml.safe_load((FOLDER / "alarms.yml").read_text("utf-8"))
    return {alarm["name"] for alarm in raw["alarms"]}


def rule_names() -> set[str]:
    return {
        rule["annotations"]["runbook"].partition("#")[2] for group in PROMETHEUS["groups"] for rule in group["rules"]
    }


def test_every_alarm_has_its_section_and_no_section_is_left_over() -> None:
    assert alarm_names() <= headings() and rule_names() <= headings()
    assert headings() == alarm_names() | rule_names()


def test_a_section_says_how_to_see_what_it_means_and_what_to_do() -> None:
    for section in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]:
        assert [word for word in ("**See.**", "**Means.**", "**Do.**") if word not in section] == []


def test_links_within_the_runbook_lead_somewhere() -> None:
    assert set(re.findall(r"\]\(#([a-z-]+)\)", RUNBOOK)) <= headings()
    for path in re.findall(r"\]\((\.\./[^)#]+)\)", RUNBOOK):
        assert (REPOSITORY / "docs" / path).is_file()


def runbook_queries() -> list[str]:
    spans = [span.strip() for span in re.findall(r"`([^`]+)`", RUNBOOK.replace("\n", " "))]
    return [span for span in spans if re.match(r'\w+:"|SCF_StatusCode:', span)]


@pytest.mark.parametrize("query", runbook_queries())
def test_a_query_of_the_runbook_is_one_and_asks_for_what_is_emitted(query: str) -> None:
    condition, _, sql = query.partition("|")
    search(condition, RULE)
    if sql:
        select(sql.strip(), RULE, [])
    assert named_events(query) <= EVENTS.keys()


def test_the_runbook_has_queries() -> None:
    assert len(runbook_queries()) > 10
