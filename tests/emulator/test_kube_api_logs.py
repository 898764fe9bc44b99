"""Pod logs: the bytes the container wrote, from where the client wants them, until the container ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException

from tests.support.kube_api import Api, pod, running, sdk

LOG = "/api/v1/namespaces/default/pods/one/log"
RUNNING: dict[str, Any] = {"running": {}}
ENDED: dict[str, Any] = {"terminated": {"exitCode": 0}}


@pytest.fixture
def api(tmp_path: Any) -> Iterator[Api]:
    with running(tmp_path) as started:
        made = pod(initContainers=[{"name": "before", "image": "x"}])
        started.http.post("/api/v1/namespaces/default/pods", json=made)
        yield started


def write(api: Api, *entries: str, container: str = "main", state: dict[str, Any] = ENDED) -> Path:
    """Play the node: a log file in CRI form and a container in a state."""
    uid = api.http.get("/api/v1/namespaces/default/pods/one").json()["metadata"]["uid"]
    path: Path = api.logs / uid / f"{container}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{entry}\n" for entry in entries))
    field = "containerStatuses" if container == "main" else "initContainerStatuses"
    api.change_pod("one", phase="Running", **{field: [{"name": container, "state": state}]})
    return path


def line(text: str, *, tag: str = "F", ago_s: float = 0, stream: str = "stdout") -> str:
    when = datetime.now(timezone.utc) - timedelta(seconds=ago_s)
    return f"{when.strftime('%Y-%m-%dT%H:%M:%S.%f000Z')} {stream} {tag} {text}"


def read(api: Api, **params: Any) -> str:
    answer = api.http.get(LOG, params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_log_is_what_the_container_wrote(api: Api) -> None:
    write(
        api,
        line("one"),
        line(""),
        line("two ", stream="stderr"),
        line("long", tag="P"),
        line("er"),
        line("end", tag="P"),
    )
    assert read(api) == "one\n\ntwo \nlonger\nend"


@pytest.mark.parametrize(
    ("lines", "expected"), [(0, ""), (1, "end"), (2, "longer\nend"), (3, "b\nlonger\nend"), (9, "a\nb\nlonger\nend")]
)
def test_tail_counts_lines_not_pieces(api: Api, lines: int, expected: str) -> None:
    write(api, line("a"), line("b"), line("long", tag="P"), line("er"), line("end", tag="P"))
    assert read(api, tailLines=lines) == expected


def test_tail_of_whole_lines(api: Api) -> None:
    write(api, *(line(str(number)) for number in range(2000)))
    assert read(api, tailLines=2) == "1998\n1999\n"
    assert read(api, tailLines=0) == ""


def test_since_leaves_out_what_is_older(api: Api) -> None:
    write(api, line("old", ago_s=100), line("new", ago_s=1))
    assert read(api, sinceSeconds=50) == "new\n"
    since = (datetime.now(timezone(timedelta(hours=8))) - timedelta(seconds=50)).isoformat()
    assert read(api, sinceTime=since) == "new\n"


def test_limit_cuts_after_so_many_bytes(api: Api) -> None:
    write(api, line("abcdef"), line("ghi"))
    assert read(api, limitBytes=9) == "abcdef\ngh"


def test_timestamps_stand_before_each_line(api: Api) -> None:
    entries = [line("a"), line("long", tag="P"), line("er")]
    write(api, *entries)
    first, second = read(api, timestamps="true").splitlines()
    assert first == f"{entries[0].split()[0]} a"
    assert second == f"{entries[1].split()[0]} longer"


def test_init_container_has_its_own_log(api: Api) -> None:
    write(api, line("first"), container="before")
    assert read(api, container="before") == "first\n"


def test_client_of_the_sdk_reads_a_log(api: Api) -> None:
    core, _ = sdk(api)
    write(api, line("a"), line("b"))
    assert core.read_namespaced_pod_log("one", "default", tail_lines=1) == "b\n"


def test_container_that_has_not_started_is_400(api: Api) -> None:
    core, _ = sdk(api)
    with pytest.raises(ApiException, match="does not have a host assigned"):
        core.read_namespaced_pod_log("one", "default")
    write(api, state={"waiting": {"reason": "PodInitializing"}})
    with pytest.raises(ApiException, match="is waiting to start: PodInitializing"):
        core.read_namespaced_pod_log("one", "default")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"container": "none"}, "container none is not valid for pod one"),
        ({"previous": "true"}, 'previous terminated container \\"main\\" in pod \\"one\\" not found'),
        ({"tailLines": "-1"}, "tailLines"),
        ({"sinceSeconds": "0"}, "sinceSeconds"),
        ({"sinceTime": "yesterday"}, "sinceTime"),
        ({"sinceTime": "2026-11-24T09:00:00Z", "sinceSeconds": "1"}, "at most one"),
        ({"limitBytes": "0"}, "limitBytes"),
        ({"follow": "perhaps"}, "follow"),
    ],
)
def test_bad_parameter_is_400(api: Api, params: dict[str, str], message: str) -> None:
    write(api, line("a"))
    answer = api.http.get(LOG, params=params)
    assert (answer.status_code, message in answer.text) == (400, True), answer.text


def test_pod_of_several_containers_needs_a_name(api: Api) -> None:
    two = [{"name": name, "image": "x"} for name in ("a", "b")]
    api.http.post("/api/v1/namespaces/default/pods", json=pod("two", containers=two))
    answer = api.http.get("/api/v1/namespaces/default/pods/two/log")
    assert (answer.status_code, "choose one of: [a b]" in answer.text) == (400, True)


def test_follow_brings_each_line_and_ends_with_the_container(api: Api) -> None:
    path = write(api, line("first"), state=RUNNING)
    with api.http.stream("GET", LOG, params={"follow": "true"}) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first"
        with path.open("a") as file:
            file.write(line("second") + "\n")
        assert next(lines) == "second"

        def end() -> None:
            with path.open("a") as file:
                file.write(line("last") + "\n")
            api.change_pod("one", containerStatuses=[{"name": "main", "state": ENDED}])

        timer = threading.Timer(0.2, end)
        timer.start()
        assert list(lines) == ["last"]
        timer.join()


def test_follow_waits_for_the_first_line(api: Api) -> None:
    path = write(api, state=RUNNING)
    path.unlink()
    timer = threading.Timer(0.3, lambda: path.write_text(line("late") + "\n"))
    timer.start()
    with api.http.stream("GET", LOG, params={"follow": "true"}) as answer:
        assert next(answer.iter_lines()) == "late"
    timer.join()


def test_follow_ends_when_the_pod_is_gone(api: Api) -> None:
    write(api, line("first"), state=RUNNING)
    with api.http.stream("GET", LOG, params={"follow": "true"}) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first"
        api.loop.call(lambda: api.store.delete("Pod", "default", "one"))
        assert list(lines) == []


def test_large_log_arrives_whole(api: Api) -> None:
    text = "x" * 1000
    write(api, *(line(f"{number} {text}") for number in range(5000)))
    assert len(read(api).splitlines()) == 5000
