"""One task's trace, as a real collector gets it from the functions that run on the emulator."""

from __future__ import annotations

from tests.support.otlp import Collector, tree
from tests.support.road import Road, zip_of

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
WHOLE = {
    "submit": "",
    "task": "submit",
    "queued": "task",
    "attempt 1": "task",
    "dispatch": "attempt 1",
    "fetch": "attempt 1",
    "agent": "attempt 1",
    "deliver": "attempt 1",
    "collect": "attempt 1",
}


def test_trace_of_a_task_is_one_tree_from_the_request_to_the_result_with_the_agent_in_it(
    road: Road, spans: Collector
) -> None:
    source = road.upload(zip_of({"readme.txt": "hello\n"}))
    body = {"prompt": "sleep 0.5; echo $TRACEPARENT", "agent": "command", "source": source}
    answer = road.request("POST", "/v1/tasks", json=body, headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
    task_id = answer.json()["id"]
    task = road.ended(task_id)
    assert task["status"] == "COMPLETED", task

    spans.wait(lambda all_: len([span for span in all_ if span.trace_id == TRACE]) >= len(WHOLE))
    ours = {span.name: span for span in spans.spans if span.trace_id == TRACE}
    assert tree(list(ours.values())) == WHOLE
    assert ours["submit"].parent == CALLER
    agent = ours["agent"]
    assert agent.end - agent.start >= 0.5
    assert f"00-{TRACE}-{agent.span_id}-01" in road.log(task_id)
    for span in ours.values():
        assert span.start <= span.end

    timeline = road.request("GET", f"/v1/tasks/{task_id}/timeline").json()
    assert timeline["trace_id"] == TRACE
    for shown in timeline["spans"]:
        assert ours[shown["name"]].span_id == shown["span_id"]
