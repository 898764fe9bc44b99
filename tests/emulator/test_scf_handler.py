"""What a handler sees: its context, its environment, its files, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.scf import ScfSettings, limits
from tests.support.scf import PROJECT, ROLE, Cloud, Code, run_scf

HOME = os.path.expanduser("~")
OWN = {"Variables": [{"Key": "MY_SECRET", "Value": "s3cr3t"}, {"Key": "GREETING", "Value": "grüß"}]}
LAYERS = {
    "first": {"both.py": "ORIGIN = 'first'", "only.py": "ORIGIN = 'first'"},
    "second": {"both.py": "ORIGIN = 'second'", "pkg/__init__.py": ""},
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    functions = {
        "plain": Code(settings={"Role": ROLE, "Environment": OWN}),
        "layered": Code(settings={"Role": ROLE, "MemorySize": 256, "Timeout": 7}, layers=["first", "second"]),
        "shadow": Code(files={"json.py": "", "only.py": "ORIGIN = 'zip'"}, layers=["first"]),
    }
    with run_scf(tmp_path_factory.mktemp("scf"), functions, layers=LAYERS) as running:
        yield running


def test_context_has_the_documented_fields(cloud: Cloud) -> None:
    invocation = cloud.call("layered", {"code": "result = context"})
    context = invocation.result
    secrets = {"TENCENTCLOUD_SESSIONTOKEN", "TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY"}
    assert set(json.loads(context.pop("environment"))) == secrets
    assert "SCF_NAMESPACE=default" in context.pop("environ").split(";")
    assert context == {
        "memory_limit_in_mb": 256,
        "time_limit_in_ms": 7000,
        "request_id": invocation.request_id,
        "function_version": "$LATEST",
        "function_name": "layered",
        "namespace": "default",
        "tencentcloud_region": "ap-guangzhou",
        "tencentcloud_appid": "1250000000",
        "tencentcloud_uin": "100000000001",
    }


def test_environment_is_the_platforms_list_and_the_functions_own(cloud: Cloud) -> None:
    environ, keys = cloud.run("plain", "import os; result = dict(os.environ)"), cloud.roles.issued[-1].credential
    python = environ.pop("PATH").split(":")[0]
    assert (Path(python) / "python3").exists()
    assert environ == {
        "TENCENTCLOUD_SECRETID": keys.secret_id,
        "TENCENTCLOUD_SECRETKEY": keys.secret_key,
        "TENCENTCLOUD_SESSIONTOKEN": keys.token,
        "_SCF_SERVER_PORT": "28902",
        "TENCENTCLOUD_RUNENV": "SCF",
        "USER_CODE_ROOT": "/var/user/",
        "PYTHONDONTWRITEBYTECODE": "x",
        "PYTHONPATH": "/var/user:/opt",
        "PWD": "/var/user",
        "LOGNAME": "qcloud",
        "USER": "qcloud",
        "HOME": "/home/qcloud",
        "LANG": "en_US.UTF8",
        "LC_ALL": "en_US.UTF8",
        "SHELL": "/bin/bash",
        "SHLVL": "3",
        "LD_LIBRARY_PATH": "/var/runtime/java x:/var/user:/opt",
        "HOSTNAME": "scf-plain",
        "SCF_RUNTIME": "Python3.10",
        "SCF_FUNCTIONNAME": "plain",
        "SCF_FUNCTIONVERSION": "$LATEST",
        "SCF_NAMESPACE": "default",
        "TENCENTCLOUD_REGION": "ap-guangzhou",
        "TENCENTCLOUD_APPID": "1250000000",
        "TENCENTCLOUD_UIN": "100000000001",
        "TENCENTCLOUD_TZ": "UTC",
        "MY_SECRET": "s3cr3t",
        "GREETING": "grüß",
    }


def test_trigger_source_is_set_for_timers_only(cloud: Cloud) -> None:
    code = "import os; result = os.environ.get('TRIGGER_SRC')"
    timer = {"Type": "Timer", "TriggerName": "t", "Time": "2026-01-01T00:00:00Z", "Message": "", "code": code}
    assert cloud.call("plain", timer).result == "timer"
    assert cloud.run("plain", code) is None


def test_local_time_is_utc(cloud: Cloud) -> None:
    assert cloud.run("plain", "import time; result = (time.timezone, time.localtime().tm_isdst)") == [0, 0]


def test_imports_come_from_zip_then_layers_and_the_last_layer_wins(cloud: Cloud) -> None:
    code = "import both, only, pkg, index; result = [both.ORIGIN, only.ORIGIN, index.__file__, pkg.__file__]"
    found = cloud.run("layered", code)
    assert found == ["second", "first", "/var/user/index.py", "/opt/pkg/__init__.py"]
    assert cloud.run("shadow", "import only; result = only.ORIGIN") == "zip"


def test_only_the_standard_library_is_there(cloud: Cloud) -> None:
    code = """
        import sys
        result = [sys.path, [name for name in ("pip", "setuptools", "pytest", "bootstrap", "qcloud_cos") if find(name)]]
    """
    found = cloud.run("plain", "from importlib.util import find_spec as find" + code.replace("\n        ", "\n"))
    assert found[0][:2] == ["/var/user", "/opt"]
    assert found[1] == []


def test_only_its_own_files_are_visible(cloud: Cloud) -> None:
    code = f"""
        import os
        def see(path):
            try:
                return sorted(os.listdir(path))
            except OSError:
                return None
        result = [see("/var/user"), see("/opt"), see("/tmp"), see("/run"), see({str(PROJECT)!r}), see({HOME!r})]
    """
    user, opt, tmp, run, project, home = cloud.run("layered", code)
    assert [name for name in user if name != "__pycache__"] == ["index.py"]
    assert [name for name in opt if name != "__pycache__"] == ["both.py", "only.py", "pkg"]
    assert tmp == [] and run == ["services"] and project is None
    assert home is None or set(home) <= {".pyenv"}  # an interpreter of the user's own is mounted where it lies


@pytest.mark.parametrize("place", ["/var/user/x", "/opt/x", "/x", "/var/x", "/run/services/x", "/home/x", "/usr/x"])
def test_everything_but_tmp_is_read_only(cloud: Cloud, place: str) -> None:
    code = f"""
        try:
            open({place!r}, "w")
            result = "written"
        except OSError as error:
            result = error.errno
    """
    assert cloud.run("plain", code) in (2, 13, 30)


def test_tmp_holds_512_mb_and_is_its_own(cloud: Cloud) -> None:
    code = """
        import os
        open("/tmp/mine", "w").write("x")
        stat = os.statvfs("/tmp")
        result = [stat.f_blocks * stat.f_frsize, os.listdir("/tmp")]
    """
    assert cloud.run("plain", code) == [limits.TMP_BYTES, ["mine"]]
    assert cloud.run("layered", "import os; result = os.listdir('/tmp')") == []


def test_files_and_core_dumps_are_limited(cloud: Cloud) -> None:
    code = "import resource as r; result = [r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_CORE)]"
    assert cloud.run("plain", code) == [[1024, 1024], [0, 0]]


def test_other_processes_are_not_visible(cloud: Cloud) -> None:
    code = "import os; result = [os.getpid(), [name for name in os.listdir('/proc') if name.isdigit()]]"
    assert cloud.run("plain", code) == [1, ["1"]]


def test_no_secret_is_in_a_command_line(cloud: Cloud) -> None:
    cloud.run("plain", "")
    keys, lines = cloud.roles.issued[-1].credential, []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_bytes())
    assert any(b"scf-plain" in line for line in lines)
    for secret in ("s3cr3t", keys.secret_key, str(keys.token)):
        assert not any(secret.encode() in line for line in lines)


def test_function_without_a_role_has_no_keys(cloud: Cloud) -> None:
    code = "import os; result = [context['environment'], [name for name in os.environ if 'SECRET' in name]]"
    assert cloud.run("shadow", code) == ["{}", []]


def test_keys_are_renewed_well_before_they_expire(tmp_path: Path) -> None:
    key = "TENCENTCLOUD_SECRETID"
    code = f"import json, os; result = [json.loads(context['environment'])['{key}'], os.environ['{key}']]"
    with run_scf(tmp_path, {"any": Code(settings={"Role": ROLE})}, settings=ScfSettings(role_keys_s=1)) as cloud:
        first, started = cloud.run("any", code)
        assert first == started == cloud.roles.issued[0].credential.secret_id
        time.sleep(0.55)
        second, started = cloud.run("any", code)  # the same process, so its own environment has the first ones
        assert (second, started) == (cloud.roles.issued[1].credential.secret_id, first)


def test_keys_of_a_role_that_was_made_anew_are_not_used(tmp_path: Path) -> None:
    code = "import json; result = json.loads(context['environment'])['TENCENTCLOUD_SECRETID']"
    with run_scf(tmp_path, {"any": Code(settings={"Role": ROLE})}) as cloud:
        first = cloud.run("any", code)
        assert cloud.run("any", code) == first
        cloud.roles.void.add(first)
        assert cloud.run("any", code) == cloud.roles.issued[1].credential.secret_id
