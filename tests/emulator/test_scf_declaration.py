"""serverless.yml: what is right is read with its defaults, what is wrong is refused with its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.scf import Declaration, DeclarationError, load
from tests.support.scf import PROJECT, write

WHOLE = """
service: shop
frameworkVersion: 3
provider:
  name: tencent
  runtime: Python3.10
  region: ap-guangzhou
  stage: ${opt:stage, 'dev'}
  memorySize: 256
  timeout: 5
  environment: {SHARED: from-provider, LEVEL: provider, COUNT: 3, TOKEN: '${env:TOKEN}'}
custom:
  any: {thing: [goes, '${self:service}']}
  bucket: code-1250000000
layers:
  libs: {path: layers/libs}
functions:
  api:
    handler: index.main_handler
    path: api
    description: all there is
    memorySize: ${env:MEMORY, 128}
    timeout: 60
    layers: [libs]
    environment: {LEVEL: function}
    concurrency: 2
    events:
      - http: {authType: NONE, enableIntranet: true, enableExtranet: false}
      - cos:
          bucket: ${self:custom.bucket}.cos.ap-guangzhou.myqcloud.com
          events: cos:ObjectCreated:*
          filter: {prefix: in/, suffix: .zip}
      - ckafka: {topic: tasks, maxMsgNum: 50, timeout: 1, retry: 3, offset: earliest, consumerGroupName: group}
      - timer: {name: tick, cronExpression: 0 */5 * * * * *, argument: now}
  idle:
    handler: index.main_handler
    path: api
    events:
      - http: {}
      - cos: {bucket: other-1250000000, events: ['cos:ObjectRemove:*', 'cos:ObjectCreated:Put'], enable: false}
      - ckafka: {topic: tasks}
      - timer: {cronExpression: 0 0 12 * * MON-FRI *}
"""


def read(folder: Path, text: str = WHOLE, **variables: str) -> Declaration:
    write(folder, {"api/index.py": "", "serverless.yml": text})
    return load(folder / "serverless.yml", {"TOKEN": "s3cr3t ${not} a variable", **variables}, {})


def changed(path: str, value: Any) -> str:
    """WHOLE with the value at "functions.api.timeout" set, or removed when None."""
    document = yaml.safe_load(WHOLE)
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place = document
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return yaml.safe_dump(document)


def test_everything_that_may_stand_in_the_file_is_read(tmp_path: Path) -> None:
    declaration = read(tmp_path)
    assert (declaration.service, declaration.stage, declaration.runtime) == ("shop", "dev", "Python3.10")
    assert declaration.custom["any"] == {"thing": ["goes", "shop"]}
    assert {name: layer.path for name, layer in declaration.layers.items()} == {"libs": "layers/libs"}
    assert declaration.http_functions == ["api", "idle"]
    api = declaration.functions["api"]
    assert (api.memory_mb, api.timeout_s, api.layers, api.concurrency) == (128, 60, ("libs",), 2)
    assert api.environment == {
        "SHARED": "from-provider", "LEVEL": "function", "COUNT": "3", "TOKEN": "s3cr3t ${not} a variable"
    }  # fmt: skip
    assert api.http and (api.http.auth_type, api.http.enable_intranet, api.http.enable_extranet) == (
        "NONE",
        True,
        False,
    )
    assert (api.cos[0].bucket, api.cos[0].prefix, api.cos[0].suffix) == ("code-1250000000", "in/", ".zip")
    trigger = api.ckafka[0]
    assert (trigger.topic, trigger.max_msg_num, trigger.timeout, trigger.retry) == ("tasks", 50, 1, 3)
    assert (trigger.offset, trigger.consumer_group_name) == ("earliest", "group")
    assert (api.timers[0].name, api.timers[0].argument) == ("tick", "now")


def test_what_is_left_out_has_the_platforms_defaults(tmp_path: Path) -> None:
    idle = read(tmp_path).functions["idle"]
    assert (idle.memory_mb, idle.timeout_s, idle.concurrency, idle.layers) == (256, 5, None, ())
    assert idle.cos == ()  # declared, but not enabled
    trigger = idle.ckafka[0]
    assert (trigger.max_msg_num, trigger.timeout, trigger.retry, trigger.offset) == (100, 60, 10000, "latest")


def test_numbers_and_options_may_come_from_outside(tmp_path: Path) -> None:
    write(tmp_path, {"api/index.py": "", "serverless.yml": WHOLE})
    found = load(tmp_path / "serverless.yml", {"TOKEN": "", "MEMORY": "512"}, {"stage": "live"})
    assert (found.functions["api"].memory_mb, found.stage) == (512, "live")


def test_the_projects_own_file_is_right() -> None:
    names = ("MYSQL_URL", "KAFKA_BOOTSTRAP", "KUBE_SERVER", "KUBE_TOKEN", "AGENT_IMAGE", "API_KEYS")
    declaration = load(PROJECT / "serverless.yml", {f"PATCHMILL_{name}": "x" for name in names}, {})
    assert list(declaration.functions) == ["submit", "dispatch", "collect"]
    assert declaration.http_functions == ["submit"]


@pytest.mark.parametrize(
    "path",
    [
        "servce", "provider.regin", "layers.libs.pth", "functions.api.memory", "functions.api.events.0.htp",
        "functions.api.events.0.http.auth", "functions.api.events.1.cos.key", "functions.api.events.1.cos.filter.pre",
        "functions.api.events.2.ckafka.topc", "functions.api.events.3.timer.cron",
    ],
)  # fmt: skip
def test_unknown_key_is_named_with_its_place(tmp_path: Path, path: str) -> None:
    place = re.sub(r"\.(\d)", r"[\1]", path)
    with pytest.raises(DeclarationError, match=re.escape(f"unknown key '{path.split('.')[-1]}' at {place}")):
        read(tmp_path, changed(path, "x"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("service", 5), ("provider", None), ("provider.name", None), ("provider.name", "aws"), ("functions", {}),
        ("provider.runtime", "Python3.12"), ("provider.region", "Guangzhou"), ("provider.environment.LEVEL", True),
        ("functions.api.handler", None), ("functions.api.handler", "main"), ("functions.api.timeout", "10"),
        ("functions.api.timeout", 901), ("functions.api.timeout", 0), ("functions.api.memorySize", 200),
        ("functions.api.memorySize", 3200), ("functions.api.concurrency", 0), ("functions.api.layers", "libs"),
        ("functions.api.layers", ["a", "b", "c", "d", "e", "f"]), ("functions.api.events", {}),
        ("functions.api.events.0.http.authType", "KEY"), ("functions.api.events.0.http.enableIntranet", "yes"),
        ("functions.api.events.1.cos.bucket", "no-appid"), ("functions.api.events.1.cos.events", "cos:ObjectMade:*"),
        ("functions.api.events.1.cos.events", []), ("functions.api.events.2.ckafka.topic", ""),
        ("functions.api.events.2.ckafka.maxMsgNum", 10001), ("functions.api.events.2.ckafka.timeout", 61),
        ("functions.api.events.2.ckafka.retry", 10001), ("functions.api.events.2.ckafka.offset", "first"),
        ("functions.api.events.3.timer.cronExpression", "*/5 * * * *"),
        ("functions.api.events.3.timer.cronExpression", "61 * * * * * *"),
        ("functions.api.events.3.timer.cronExpression", "0 0 L * * * *"),
        ("functions.api.events.3.timer.argument", "x" * 4097),
    ],
)  # fmt: skip
def test_wrong_type_or_range_is_named_with_its_place(tmp_path: Path, path: str, value: Any) -> None:
    place = re.sub(r"\.(\d)", r"[\1]", path)
    with pytest.raises(DeclarationError, match=f"serverless.yml: {re.escape(place)}[ :]"):
        read(tmp_path, changed(path, value))


@pytest.mark.parametrize("name", ["SCF_X", "QCLOUD_X", "TENCENTCLOUD_X", "1X", "A-B"])
def test_reserved_or_malformed_variable_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(name)):
        read(tmp_path, changed(f"functions.api.environment.{name}", "x"))


def test_more_than_4_kb_of_environment_is_refused_without_showing_it(tmp_path: Path) -> None:
    read(tmp_path, TOKEN="x" * 4000)
    with pytest.raises(DeclarationError, match=r"functions.api.environment: \d+ bytes") as failed:
        read(tmp_path, TOKEN="x" * 4100)
    assert "xxx" not in str(failed.value)


def test_a_wrong_value_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError) as failed:
        read(tmp_path, WHOLE.replace("timeout: 60", "timeout: '${env:TOKEN}'"))
    assert "functions.api.timeout" in str(failed.value) and "s3cr3t" not in str(failed.value)


def test_a_missing_layer_module_or_second_url_is_named(tmp_path: Path) -> None:
    text = changed("functions.api.layers", ["lib"]).replace("handler: index.main_handler", "handler: main.handler")
    with pytest.raises(DeclarationError) as failed:
        read(tmp_path, text)
    assert "functions.api.layers: there is no layer 'lib'" in str(failed.value)
    assert "functions.idle.handler: there is no main.py in api" in str(failed.value)
    with pytest.raises(DeclarationError, match=r"functions.idle.events: a function has one Function URL"):
        read(tmp_path, WHOLE.replace("- ckafka: {topic: tasks}", "- http: {}"))


@pytest.mark.parametrize("event", ["http:", "{http: {}, timer: {cronExpression: 0 0 0 1 1 * *}}"])
def test_event_without_exactly_one_trigger_is_refused(tmp_path: Path, event: str) -> None:
    with pytest.raises(DeclarationError, match=r"functions.idle.events\[0\]: one of http, cos, ckafka, timer"):
        read(tmp_path, WHOLE.replace("- http: {}", f"- {event}"))


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ("events: 'cos:ObjectCreated:Put', filter: {prefix: in/sub/, suffix: .zip}", True),
        ("events: 'cos:ObjectCreated:*', filter: {prefix: i, suffix: a.zip}", True),
        ("events: 'cos:ObjectCreated:*'", True),
        ("events: 'cos:ObjectRemove:*', filter: {prefix: in/}", False),
        ("events: 'cos:ObjectCreated:*', filter: {prefix: in/, suffix: .md}", False),
        ("events: 'cos:ObjectCreated:*', filter: {prefix: out/}", False),
    ],
)
def test_cos_rules_for_the_same_event_must_not_overlap(tmp_path: Path, rule: str, refused: bool) -> None:
    text = WHOLE.replace("- ckafka: {topic: tasks}", f"- cos: {{bucket: code-1250000000, {rule}}}")
    if refused:
        with pytest.raises(DeclarationError, match="COS rules of api and idle overlap on code-1250000000"):
            read(tmp_path, text)
    else:
        assert len(read(tmp_path, text).functions["idle"].cos) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "no YAML"),
        ("service: a\nservice: b", "'service' is given twice"),
        ("- a", "Input should be"),
        ("service: ${env:MISSING}", "service: .*env:MISSING.* has no value"),
        ("service: ${ssm:key}", "unknown variable"),
        ("service: ${self:service}", "refers to itself"),
        ("service: ${env:X", "without its closing brace"),
    ],
)
def test_file_that_cannot_be_read_says_why(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        read(tmp_path, text)


def test_missing_file_is_a_declaration_error(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="No such file"):
        load(tmp_path / "serverless.yml", {}, {})
