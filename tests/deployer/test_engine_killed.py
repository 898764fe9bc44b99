"""An apply or a destroy that dies at any call, or is told errors after success, ends where an undisturbed one ends."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployer import engine
from deployer.errors import CloudError
from tests.support.deployer_cloud import Killed, MemoryCloud
from tests.support.deployer_project import BUCKET, Project, scf_kinds


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, MemoryCloud())


def apply(project: Project) -> None:
    context = project.context()
    engine.apply(context, engine.plan(context, scf_kinds), scf_kinds)


def upgrade(project: Project) -> None:
    """Everything that can change, changed at once."""
    project.files |= {"function/web": "web 2", "layer/vendor": "vendor 2"}
    project.function("web", memory_mb=512, cos=(), concurrency=2)
    project.function("work", timers=())
    (project.folder / "migrations" / "0002_second.sql").write_text("")


def state(cloud: MemoryCloud) -> Any:
    """All that is there, without numbers that a repeated request may have used up."""
    functions = copy.deepcopy(cloud.functions)
    for function in functions.values():
        number = function["alias"].pop("FunctionVersion")
        serving = [each for each in function["versions"] if each["Version"] == number]
        function["serving"] = [each["config"]["Description"] for each in serving]
        function["kept"] = [each["config"]["Description"] for each in function.pop("versions")]
        for each in function["triggers"]:
            each.pop("url", None)
            each["TriggerDesc"] = each["TriggerDesc"].split("tencentscf")[0].rstrip("0123456789.-")
        for layer in function["config"]["Layers"]:
            layer.pop("LayerVersion")
        function.pop("published")
        function.pop("busy")
    layers = {name: [each["Description"] for each in versions] for name, versions in cloud.layers.items()}
    return functions, layers, cloud.namespaces, {name: sorted(each.objects) for name, each in cloud.buckets.items()}


def killed_everywhere(start: Callable[[], Project], work: Callable[[Project], None]) -> int:
    """Kill `work` before and after each of its calls in turn, run it again, and compare. Returns how many calls."""
    undisturbed = start()
    undisturbed.cloud.calls.clear()
    work(undisturbed)
    wanted, calls = state(undisturbed.cloud), len(undisturbed.cloud.calls)
    for moment in ("before", "after"):
        for number in range(1, calls + 1):
            project = start()
            _kill_at(project.cloud, moment, number)
            with pytest.raises(Killed):
                work(project)
            setattr(project.cloud, moment, lambda action, params: None)
            work(project)
            assert state(project.cloud) == wanted, (
                f"killed {moment} call {number}: {project.cloud.calls[number - 1][0]}"
            )
            assert engine.plan(project.context(), scf_kinds).steps == () or not project.cloud.functions
    return calls


def _kill_at(cloud: MemoryCloud, moment: str, number: int) -> None:
    left = [number]

    def count(action: str, params: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed(action)

    setattr(cloud, moment, count)


class Starts:
    """Fresh projects in folders of their own, brought to a state by `prepare`."""

    def __init__(self, folder: Path, prepare: Callable[[Project], None]) -> None:
        self.folder, self.prepare, self.count = folder, prepare, 0

    def __call__(self) -> Project:
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        project = Project(folder, MemoryCloud())
        self.prepare(project)
        return project


def _large(project: Project) -> None:
    """Every package counts as large: it goes through COS."""
    project.inline_bytes = 0


def _upgraded(project: Project) -> None:
    apply(project)
    upgrade(project)


def test_first_apply_converges_killed_at_every_call(tmp_path: Path) -> None:
    assert killed_everywhere(Starts(tmp_path, _large), apply) > 40


def test_upgrade_converges_killed_at_every_call(tmp_path: Path) -> None:
    assert killed_everywhere(Starts(tmp_path, _upgraded), apply) > 40


def test_destroy_converges_killed_at_every_call(tmp_path: Path) -> None:
    def destroy(project: Project) -> None:
        engine.destroy(project.context(), False, scf_kinds)

    assert killed_everywhere(Starts(tmp_path, apply), destroy) > 20


def test_package_left_in_the_bucket_by_a_killed_apply_is_swept(project: Project) -> None:
    def die(action: str, params: Any) -> None:
        if action == "PublishLayerVersion":
            raise Killed

    project.cloud.after = die
    with pytest.raises(Killed):
        apply(project)
    # A process that is really killed runs no finally either.
    project.cloud.after = lambda action, params: None
    project.cloud.cos(BUCKET).objects["packages/shop-test-layer-vendor-0.zip"] = b""
    apply(project)
    assert project.cloud.cos(BUCKET).objects == {}
    assert len(project.cloud.layers["shop-test-vendor"]) == 1


@pytest.mark.parametrize("seed", range(10))
def test_converges_when_every_fifth_call_fails_before_or_after_it_worked(tmp_path: Path, seed: int) -> None:
    start = Starts(tmp_path, lambda project: None)
    undisturbed, project = start(), start()
    dice = random.Random(seed)

    def fail(action: str, params: Any) -> None:
        if action[0].isupper() and dice.random() < 0.1:  # COS calls are in small letters: they are not repeated here
            raise CloudError("scf", action, "InternalError", "please try again")

    project.cloud.before = project.cloud.after = fail
    for each in (undisturbed, project):
        apply(each)
        upgrade(each)
        apply(each)
    assert state(project.cloud) == state(undisturbed.cloud)
    project.cloud.before = project.cloud.after = lambda action, params: None
    assert engine.plan(project.context(), scf_kinds).steps == ()
