"""The node runs a pod: containers in order, their environment, their states, their logs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.kube.images import Image
from emulator.kube.launch import expand
from emulator.sandbox import Mount
from tests.support.kube_node import FAST, Kube, condition, container, ending, pod, secret, state, wait


@pytest.fixture(scope="module")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kube]:
    cluster = Kube(tmp_path_factory.mktemp("kube"))
    yield cluster
    cluster.close()


def test_containers_run_one_after_the_other_and_share_volumes(kube: Kube) -> None:
    mount = [{"name": "v", "mountPath": "/box"}]
    read_only = [{**mount[0], "readOnly": True}]
    inits = (
        container("umask 077; echo one > /box/log", "a", volumeMounts=mount),
        container("echo two >> /box/log", "b", volumeMounts=mount),
    )
    main = container("cat /box/log; touch /box/x || echo refused", volumeMounts=read_only)
    kube.create(pod("order", main, inits=inits, volumes=[{"name": "v", "emptyDir": {}}]))
    done = kube.pod_ended("order")
    assert done["status"]["phase"] == "Succeeded"
    assert kube.log(done).splitlines()[:2] == ["one", "two"]
    assert "refused" in kube.log(done)
    assert {ending(done, name) for name in ("a", "b", "main")} == {(0, "Completed")}
    wait(lambda: not (kube.root / "pods" / done["metadata"]["uid"]).exists())


def test_a_failed_init_container_fails_the_pod_and_the_rest_never_starts(kube: Kube) -> None:
    kube.create(pod("badinit", container("true"), inits=(container("exit 9", "a"), container("true", "b"))))
    done = kube.pod_ended("badinit")
    assert done["status"]["phase"] == "Failed"
    assert ending(done, "a") == (9, "Error")
    assert state(done)["waiting"]["reason"] == state(done, "b")["waiting"]["reason"] == "PodInitializing"
    assert condition(done, "Initialized")["message"] == "containers with incomplete status: [a b]"


def test_the_status_says_who_runs_while_it_runs(kube: Kube) -> None:
    kube.create(pod("running", container("sleep 60"), inits=(container("true", "a"),)))
    seen = kube.runs("running")
    assert seen["status"]["phase"] == "Running"
    assert state(seen)["running"]["startedAt"]
    assert [condition(seen, name)["status"] for name in ("PodScheduled", "Initialized", "Ready")] == ["True"] * 3
    kube.delete("Pod", "running", grace=0)


def test_environment_command_and_workdir_are_what_the_pod_says(kube: Kube) -> None:
    kube.create(secret("keys", token="s3cret"))
    env = [
        {"name": "A", "value": "a"},
        {"name": "B", "value": "$(A)b $(NO) $$(A)"},
        {"name": "T", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
        {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "NS", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "U", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        {"name": "O", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k", "optional": True}}},
    ]
    main = container('echo "$A|$B|$T|$N|$NS|$U|$O|$HOSTNAME|$1|$PWD"', env=env, args=["x", "$(A)$(B)"], workingDir="/w")
    kube.create(pod("env", main))
    done = kube.pod_ended("env")
    uid = done["metadata"]["uid"]
    assert kube.log(done) == f"a|ab $(NO) $(A)|s3cret|env|default|{uid}||env|aab $(NO) $(A)|/w\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A $", "$A $"),
        ("$(B) $(A", "$(B) $(A"),
        ("$(A)$(A)", "11"),
    ],
)
def test_references_are_replaced_when_the_name_is_known(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


def test_a_missing_secret_holds_the_container_until_it_is_there(kube: Kube) -> None:
    ref = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "late", "key": "token"}}}
    kube.create(pod("waits", container("echo $T", env=[ref])))
    held = kube.waits_for("waits", "CreateContainerConfigError")
    assert state(held)["waiting"]["message"] == 'secret "late" not found'
    kube.create(secret("late", other="x"))
    wait(lambda: "couldn't find key token in Secret default/late" in kube.messages("waits"))
    kube.change("Secret", "late", lambda obj: obj["data"].update(token="aGk="))
    assert kube.log(kube.pod_ended("waits")) == "hi\n"


def test_an_unknown_image_is_never_pulled(kube: Kube) -> None:
    kube.create(pod("nopull", {**container("true"), "image": "no/such:1"}))
    kube.waits_for("nopull", "ErrImagePull")
    held = kube.waits_for("nopull", "ImagePullBackOff")
    assert held["status"]["phase"] == "Pending"
    assert {"Pulling", "Failed", "BackOff"} <= set(kube.events("nopull"))
    kube.delete("Pod", "nopull")
    wait(lambda: not kube.exists("Pod", "nopull"))


def test_a_program_that_does_not_exist_is_a_start_error(kube: Kube) -> None:
    kube.create(pod("nostart", {**container(""), "command": ["no-such-program"]}))
    done = kube.pod_ended("nostart")
    assert ending(done) == (128, "StartError")
    assert "no-such-program" in state(done)["terminated"]["message"]


def test_a_command_line_that_is_too_long_is_a_start_error_and_harms_nothing(kube: Kube) -> None:
    kube.create(pod("toolong", container("true", env=[{"name": "P", "value": "x" * 200_000}])))
    done = kube.pod_ended("toolong")
    assert ending(done) == (128, "StartError")
    assert "too long" in state(done)["terminated"]["message"]


def test_what_the_node_cannot_do_fails_by_name(kube: Kube) -> None:
    kube.create(pod("host", container("true"), volumes=[{"name": "v", "hostPath": {"path": "/etc"}}]))
    status = kube.pod_ended("host")["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "Unsupported")
    assert 'volume "v": hostPath' in status["message"]


def test_root_is_refused_where_the_pod_must_not_be_root(kube: Kube) -> None:
    kube.create(pod("noroot", container("id", securityContext={"runAsNonRoot": True, "runAsUser": 0})))
    held = kube.waits_for("noroot", "CreateContainerConfigError")
    assert "non-root" in state(held)["waiting"]["message"]
    kube.delete("Pod", "noroot")


def test_a_read_only_root_leaves_only_volumes_to_write_to(kube: Kube) -> None:
    script = "touch /x 2>/dev/null || echo no; touch /tmp/x && echo yes"
    security = {"readOnlyRootFilesystem": True}
    kube.create(
        pod(
            "readonly",
            container(script, securityContext=security, volumeMounts=[{"name": "t", "mountPath": "/tmp"}]),
            volumes=[{"name": "t", "emptyDir": {}}],
        )
    )
    assert kube.log(kube.pod_ended("readonly")) == "no\nyes\n"
    kube.create(pod("writable", container(script.replace("||", "&& echo yes ||"))))
    assert kube.log(kube.pod_ended("writable")) == "yes\nyes\n"


def test_restart_on_failure_runs_the_container_again(kube: Kube) -> None:
    mount = [{"name": "v", "mountPath": "/v"}]
    script = "echo x >> /v/n; [ $(wc -l < /v/n) -ge 3 ] || exit 4; echo done"
    body = pod("again", container(script, volumeMounts=mount), volumes=[{"name": "v", "emptyDir": {}}])
    body["spec"]["restartPolicy"] = "OnFailure"
    kube.create(body)
    done = kube.pod_ended("again")
    entry = done["status"]["containerStatuses"][0]
    assert (done["status"]["phase"], entry["restartCount"]) == ("Succeeded", 2)
    assert entry["lastState"]["terminated"]["exitCode"] == 4
    assert kube.log(done) == "done\n"
    assert "BackOff" in kube.events("again")


def test_the_log_is_in_cri_form(kube: Kube) -> None:
    script = "echo out; echo err >&2; sleep 0.05; head -c 40000 /dev/zero | tr '\\0' x; echo; printf end"
    kube.create(pod("logs", container(script)))
    done = kube.pod_ended("logs")
    lines = (kube.root / "logs" / done["metadata"]["uid"] / "main.log").read_text().splitlines()
    heads = [[*line.split(" ")[1:3], len(line.split(" ", 3)[3])] for line in lines]
    assert sorted(heads[:2]) == [["stderr", "F", 3], ["stdout", "F", 3]]
    assert heads[2:] == [["stdout", "P", 16384], ["stdout", "P", 16384], ["stdout", "F", 7232], ["stdout", "P", 3]]
    assert all(len(line.split(" ")[0]) == len("2026-01-01T00:00:00.123456789Z") for line in lines)


def test_events_tell_the_life_of_a_pod(kube: Kube) -> None:
    kube.create(pod("told", container("true")))
    kube.pod_ended("told")
    assert kube.events("told") == ["Scheduled", "Pulled", "Created", "Started"]


def test_several_main_containers_run_together(kube: Kube) -> None:
    mount = [{"name": "v", "mountPath": "/v"}]
    one = container("while [ ! -e /v/x ]; do sleep 0.01; done; exit 5", "one", volumeMounts=mount)
    two = container("touch /v/x", "two", volumeMounts=mount)
    kube.create(pod("both", one, two, volumes=[{"name": "v", "emptyDir": {}}]))
    done = kube.pod_ended("both")
    assert (done["status"]["phase"], ending(done, "one"), ending(done, "two")) == (
        "Failed",
        (5, "Error"),
        (0, "Completed"),
    )


def test_an_image_brings_its_interpreter_its_files_and_its_environment(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "hello.py").write_text("import os, sys; print(os.environ['X'], sys.version_info[:2], __file__)")
    env = {"PYTHONPATH": "/opt/app", "X": "of the image"}
    image = Image("app:local", (Mount(tmp_path / "app", "/opt/app"),), env, Path(sys.executable))
    kube = Kube(tmp_path / "kube", 1, FAST, image)
    kube.create(pod("hello", {"name": "main", "image": "app:local", "command": ["python3", "-m", "hello"]}))
    assert kube.log(kube.pod_ended("hello")) == f"of the image {sys.version_info[:2]} /opt/app/hello.py\n"
    kube.close()


def test_logs_go_with_the_pod(kube: Kube, tmp_path: Path) -> None:
    kube.create(pod("gone", container("echo x")))
    done = kube.pod_ended("gone")
    folder = kube.root / "logs" / done["metadata"]["uid"]
    assert folder.exists()
    kube.delete("Pod", "gone")
    wait(lambda: not folder.exists())
