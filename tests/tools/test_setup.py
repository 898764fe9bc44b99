"""Set-up: what counts as done, what is asked of the user, and that a second run builds nothing."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.packaging import interpreters
from tools.setup_parts import nodemodules, packages, programs, stamps

REPOSITORY = Path(__file__).parents[2]


def test_missing_programs_are_named_by_package_where_they_cannot_be_installed(tmp_path: Path) -> None:
    with pytest.raises(stamps.SetupError, match="sudo apt-get install bubblewrap git mariadb-server redis-server"):
        programs.ensure("run", path=str(tmp_path), may_install=False)


def test_tests_need_kubectl_a_registry_and_node_too(tmp_path: Path) -> None:
    with pytest.raises(stamps.SetupError, match=r"docker-registry .*kubernetes-client .*nodejs npm"):
        programs.ensure("test", path=str(tmp_path), may_install=False)


def test_interrupted_build_leaves_nothing_that_counts(tmp_path: Path) -> None:
    def half(draft: Path) -> None:
        draft.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stamps.build(tmp_path / "layers" / "vendor-1", half)
    assert list((tmp_path / "layers").iterdir()) == []


def test_rest_of_a_killed_build_is_not_mixed_into_the_next(tmp_path: Path) -> None:
    (tmp_path / ".vendor-1.building").mkdir()
    (tmp_path / ".vendor-1.building" / "half").touch()

    def whole(draft: Path) -> None:
        draft.mkdir()
        (draft / "whole").touch()

    stamps.build(tmp_path / "vendor-1", whole)
    assert [path.name for path in tmp_path.iterdir()] == ["vendor-1"]
    assert [path.name for path in (tmp_path / "vendor-1").iterdir()] == ["whole"]


def test_digest_changes_with_a_file_and_with_where_a_part_ends(tmp_path: Path) -> None:
    pins = tmp_path / "requirements.txt"
    pins.write_text("a==1\n")
    before = stamps.digest(pins)
    pins.write_text("a==2\n")
    assert stamps.digest(pins) != before
    assert stamps.digest("ab", "c") != stamps.digest("a", "bc")


def test_failed_step_shows_its_output_and_the_hint(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with pytest.raises(stamps.SetupError, match=r"failed: the step\. Is there a network\?"):
        stamps.run("the step", ["sh", "-c", "echo cannot resolve; exit 1"], "Is there a network?")
    assert b"cannot resolve" in capfdbinary.readouterr().err


def test_virtual_environment_is_made_anew_where_it_was_moved_and_then_kept(tmp_path: Path) -> None:
    root = tree(tmp_path)
    moved = root / ".venv"
    (moved / "bin").mkdir(parents=True)
    (moved / "bin" / "python").touch()
    (moved / "setup-stamp").write_text("/somewhere/else/.venv\n0123456789ab\n")
    base = interpreters.Interpreter(Path(vars(sys)["_base_executable"]), "3.11")
    python = packages.virtual_environment(root, moved, base, with_tree=False)
    assert subprocess.run([python, "-m", "pip", "--version"], capture_output=True, timeout=60).returncode == 0
    made = (moved / "pyvenv.cfg").stat().st_ino
    assert packages.virtual_environment(root, moved, base, with_tree=False) == python
    assert (moved / "pyvenv.cfg").stat().st_ino == made
    (moved / "of the older Python").touch()
    packages.virtual_environment(root, moved, interpreters.Interpreter(base.python, "3.12"), with_tree=False)
    assert not (moved / "of the older Python").exists()


def tree(root: Path) -> Path:
    """A working tree with empty lists."""
    for name in ("requirements/dev.txt", "agent/requirements-nodeps.txt"):
        (root / name).parent.mkdir(parents=True)
        (root / name).touch()
    (root / "pyproject.toml").write_text("[project]\n\n[tool.ruff]\n")
    return root


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_useless_toolchain_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "toolchain.json").write_text(text)
    assert interpreters.remembered(tmp_path / "toolchain.json", "3.10") is None


def test_services_are_allowed_again_after_an_interruption_and_after_a_kill(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with pytest.raises(KeyboardInterrupt), programs.no_services(policy):
        assert policy.stat().st_mode & 0o111
        raise KeyboardInterrupt
    assert not policy.exists()
    policy.write_text(programs.POLICY_TEXT)  # as a killed set-up leaves it
    programs.remove_policy(policy)
    assert not policy.exists()


def test_administrators_own_policy_stays(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    with programs.no_services(policy):
        pass
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_interpreter_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    shim = tmp_path / "python3.10"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.10: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert interpreters.examine(str(shim)) is None
    assert interpreters.examine(str(tmp_path / "none")) is None


def test_base_interpreter_is_found_behind_a_virtual_environment() -> None:
    found = interpreters.examine(sys.executable)
    assert found
    assert found.python.is_relative_to(sys.base_prefix)
    assert found.version == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_set_up_starts_with_nothing_installed() -> None:
    """As tools/setup calls it: any Python, the standard library alone."""
    argv = [sys.executable, "-S", "-E", "-c", "import tools.setup, sys; print('yaml' in sys.modules, 'done')"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.stdout == "False done\n", done.stderr


def test_packages_are_built_for_the_platform_where_its_python_is_here_else_for_what_is(tmp_path: Path) -> None:
    machine = platform.machine()
    assert packages.package_target(interpreters.Interpreter(tmp_path, "3.12")) == f"3.12-{machine}"
    expected = "" if machine == "x86_64" else f"3.10-{machine}"
    assert packages.package_target(interpreters.Interpreter(tmp_path, "3.10")) == expected


def test_packages_are_ready_after_set_up_and_not_made_twice(tmp_path: Path) -> None:
    for name in ("functions/hello/index.py", "layers/vendor/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x = 1\n")
    entries = {"functions": {"hello": {"path": "functions/hello"}}, "layers": {"vendor": {"path": "layers/vendor"}}}
    (tmp_path / "serverless.yml").write_text(json.dumps(entries))
    (tmp_path / "deployer").symlink_to(REPOSITORY / "deployer")
    own = interpreters.Interpreter(Path(sys.executable), f"{sys.version_info[0]}.{sys.version_info[1]}")
    packages.pack(tmp_path, Path(sys.executable), own)
    assert len(list((tmp_path / ".local/packages").glob("*/*.zip"))) == 2
    packages.pack(tmp_path, tmp_path / "no interpreter", own)


def test_node_modules_follow_the_lock_file(tmp_path: Path) -> None:
    nodemodules.install(tmp_path)
    assert not (tmp_path / "node_modules").exists()
    package = {"name": "empty", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "empty"}}}
    (tmp_path / "package.json").write_text(json.dumps({"name": "empty", "version": "1.0.0"}))
    (tmp_path / "package-lock.json").write_text(json.dumps(package))
    nodemodules.install(tmp_path)
    stamp = tmp_path / "node_modules/.setup-stamp"
    made = stamp.stat().st_mtime_ns
    nodemodules.install(tmp_path)
    assert stamp.stat().st_mtime_ns == made
    (tmp_path / "package-lock.json").write_text("broken")
    with pytest.raises(stamps.SetupError, match="failed: installing node modules"):
        nodemodules.install(tmp_path)


def test_wrong_purpose_is_a_usage_error() -> None:
    done = subprocess.run([REPOSITORY / "tools" / "setup", "everything"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "usage: tools/setup run|test" in done.stderr


def test_make_lists_its_targets() -> None:
    done = subprocess.run(["make", "-s"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True)
    assert {line.split()[1] for line in done.stdout.splitlines()} >= {"demo", "up", "down", "test", "check", "bench"}
