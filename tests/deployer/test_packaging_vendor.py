"""The layer of wheels: chosen for the platform whatever runs here, checked, pruned by stated rules, and still whole."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from deployer.packaging import PackagingError, build, requirements
from deployer.packaging.limits import check, over_budget
from deployer.packaging.model import PLATFORM, Package, Target
from deployer.packaging.prune import parse, prune
from tests.support.packages import content, imports, modules, names, ours, project, unpack

FUNCTION = {"functions/hello/index.py": "import native\n"}
# Imports of optional parts; the importing modules do without them.
OPTIONAL = {"crcmod._crcfunext", "six.moves.urllib.parse", "six.moves.queue", "tabulate.version", "yaml._yaml"}
# redis would measure itself by it, and import OpenTelemetry at every cold start.
OPTIONAL |= {"opentelemetry.sdk.metrics"}
# pip asks a source archive for its metadata; this one answers without setuptools.
BACKEND = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": """
import os
def prepare_metadata_for_build_wheel(place, config_settings=None):
    os.mkdir(f"{place}/pure-1.0.dist-info")
    with open(f"{place}/pure-1.0.dist-info/METADATA", "w") as file:
        file.write("Metadata-Version: 2.1\\nName: pure\\nVersion: 1.0\\n")
    return "pure-1.0.dist-info"
def build_wheel(*arguments, **options):
    raise SystemExit("nobody wants this")
""",
}


def wheel(folder: Path, name: str, tag: str, text: str) -> Path:
    """A wheel of version 1.0 with one module."""
    path = folder / f"{name}-1.0-{tag}.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", text)
        archive.writestr(f"{name}/tests/test_it.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of pip's world."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_wheels_are_the_platforms_whatever_machine_builds(tmp_path: Path, wheels: Path) -> None:
    for tag in (
        "cp310-cp310-manylinux_2_17_x86_64",
        "cp311-cp311-manylinux_2_17_x86_64",
        "cp310-cp310-macosx_11_0_arm64",
    ):
        wheel(wheels, "native", tag, f"made_for = {tag!r}\n")
    wheel(wheels, "old", "py3-none-any", "")
    wheel(wheels, "new", "py3-none-any", "")
    pins = "native==1.0\nold==1.0 ; python_full_version < '3.11'\nnew==1.0 ; python_full_version >= '3.11'\n"
    files = {**FUNCTION, "layers/vendor/requirements.txt": pins, "layers/vendor/prune.txt": "[tests]\n*/tests/*\n"}
    layer = build(project(tmp_path, files, layers=("vendor",)))["layer/vendor"]
    assert b"cp310-manylinux" in content(layer, "native/__init__.py")
    assert {name.partition("/")[0] for name in names(layer) if "dist-info" not in name} == {"native", "old"}
    assert not any("/tests/" in name for name in names(layer))
    assert any("left out  0.00 MB: tests" in note for note in layer.notes)


def test_machine_without_the_platforms_python_gets_packages_of_its_own(tmp_path: Path, wheels: Path) -> None:
    for tag in ("cp310-cp310-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_17_aarch64"):
        wheel(wheels, "native", tag, f"made_for = {tag!r}\n")
    wheel(wheels, "new", "py3-none-any", "")
    pins = "native==1.0\nnew==1.0 ; python_full_version >= '3.11' and platform_machine == 'aarch64'\n"
    declared = project(tmp_path, {**FUNCTION, "layers/vendor/requirements.txt": pins}, layers=("vendor",))
    layer = build(declared, target=Target.parse("3.11-aarch64"))["layer/vendor"]
    assert b"cp311-manylinux_2_17_aarch64" in content(layer, "native/__init__.py")
    assert "new/__init__.py" in names(layer)
    assert "made for 3.11-aarch64, not for the platform's 3.10-x86_64" in layer.notes
    assert layer.digest != build(declared)["layer/vendor"].digest
    with pytest.raises(PackagingError, match="PATCHMILL_PACKAGE_TARGET is 'windows'"):
        Target.parse("windows")


def test_wheel_with_another_hash_is_refused(tmp_path: Path, wheels: Path) -> None:
    path = wheel(wheels, "native", "py3-none-any", "")
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    pins = f"native==1.0 \\\n    --hash=sha256:{right}\n"
    declared = project(tmp_path, {**FUNCTION, "layers/vendor/requirements.txt": pins}, layers=("vendor",))
    assert "native/__init__.py" in names(build(declared)["layer/vendor"])
    (tmp_path / "layers/vendor/requirements.txt").write_text(pins.replace(right, "0" * 64))
    with pytest.raises(PackagingError, match=r"layers/vendor/requirements\.txt.*(?s:.*)MATCH THE HASHES"):
        build(declared)


def test_missing_package_is_told_in_pips_words(tmp_path: Path, wheels: Path) -> None:
    files = {**FUNCTION, "layers/vendor/requirements.txt": "absent==1.0\n"}
    with pytest.raises(PackagingError, match=r"No matching distribution found for absent==1\.0"):
        build(project(tmp_path, files, layers=("vendor",)))


def test_pure_python_part_of_a_source_archive_is_taken_as_it_is(tmp_path: Path, wheels: Path) -> None:
    with tarfile.open(wheels / "pure-1.0.tar.gz", "w:gz") as archive:
        texts = {**BACKEND, "python3/pure/__init__.py": "x = 1\n", "python2/pure/__init__.py": "print 1\n"}
        for name, text in texts.items():
            member = tarfile.TarInfo(f"pure-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    files = {
        **FUNCTION,
        "layers/vendor/requirements.txt": "pure==1.0\n",
        "layers/vendor/sdists.txt": "# why\npure python3/pure\n",
    }
    assert names(build(project(tmp_path, files, layers=("vendor",)))["layer/vendor"]) == ["pure/__init__.py"]


@pytest.mark.parametrize("line", ["requests", "requests>=2", "requests==2.*", "--index-url x", "a @ file:///tmp/a.whl"])
def test_line_that_pins_nothing_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"# pins\nsix==1.17.0\n{line}\n")
    with pytest.raises(PackagingError, match="make lock"):
        requirements.read(tmp_path / "requirements.txt", PLATFORM)


def test_rules_tell_what_they_save_and_which_are_idle() -> None:
    rules = parse(
        "# why\n[tests]\n*/tests/*\n[metadata]\n*.dist-info/*\n!a-*.dist-info/entry_points.txt\n[old]\nold/\n", "x"
    )
    files = {
        "a/tests/test.py": bytes(2_000_000),
        "a/a.py": b"",
        "a-1.dist-info/entry_points.txt": b"",
        "a-1.dist-info/RECORD": bytes(500_000),
    }
    left, notes = prune(files, rules)
    assert sorted(left) == ["a-1.dist-info/entry_points.txt", "a/a.py"]
    assert notes == [
        "left out  2.00 MB: tests",
        "left out  0.50 MB: metadata",
        "left out  0.00 MB: old",
        "prune.txt: nothing matches old/ any more",
    ]
    with pytest.raises(PackagingError, match="a/ has no reason"):
        parse("a/\n", "prune.txt")


def test_every_rule_of_ours_still_leaves_something_out() -> None:
    notes = ours()["layer/vendor"].notes
    assert len(notes) > 5
    assert not [note for note in notes if "nothing matches" in note]


def test_nothing_that_is_left_imports_what_was_left_out(tmp_path: Path) -> None:
    """Imports within functions count too: they fail only on the day that they are reached."""
    unpack({name: package for name, package in ours().items() if package.kind == "layer"}, tmp_path)
    there = modules(tmp_path / "opt")
    ours_tops = {name.partition(".")[0] for name in there} | {"Crypto", "_yaml"}
    missing = set()
    for path in (tmp_path / "opt").rglob("*.py"):
        module = path.relative_to(tmp_path / "opt").as_posix().removesuffix(".py").replace("/", ".")
        missing |= {
            f"{name} by {module}"
            for name in imports(path, module.removesuffix(".__init__"))
            if name.partition(".")[0] in ours_tops and name not in there | OPTIONAL
        }
    assert missing == set()


def test_our_packages_are_within_our_limits() -> None:
    assert over_budget(ours().values()) == []


def sized(kind: str, name: str, size: int) -> Package:
    return Package(name, "function" if kind == "function" else "layer", Path(name), "d", size, size)


def test_limits_of_the_platform_are_told_before_anything_is_sent() -> None:
    parts = [sized("function", "big", 300_000_000), sized("layer", "vendor", 250_000_000)]
    packages = {package.id: package for package in [*parts, *(sized("layer", f"l{n}", 1) for n in range(6))]}
    with pytest.raises(PackagingError, match=r"big and its layers are 550 MB.*the platform takes 524 MB"):
        check(packages, {"big": ["vendor"]})
    with pytest.raises(PackagingError, match="big has 6 layers; the platform binds 5"):
        check(packages, {"big": [f"l{n}" for n in range(6)]})
    check(packages, {"big": ["l1"]})


def test_limits_of_the_project_are_told_with_sizes() -> None:
    said = over_budget(
        [sized("function", "fat", 200_000), sized("layer", "a", 30_000_000), sized("layer", "b", 15_000_000)]
    )
    assert said == [
        "function/fat is 200 KB zipped; 200 KB are allowed",
        "the layers are 45.0 MB unpacked together; 45 MB are allowed",
    ]
