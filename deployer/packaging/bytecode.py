"""Bytecode for the target's Python: the sources in, `__pycache__/*.cpython-310.pyc` and its like out.

The platform sets PYTHONDONTWRITEBYTECODE and mounts /opt read-only, so without this every cold start compiles every
module. The files are of the unchecked-hash form (PEP 552): they say nothing of times, and nobody looks at the source
before using them. They come from one process with a fixed hash seed, in the order of the names, so they are the same
each time.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from deployer.packaging.model import Content, PackagingError, Target

_COMPILER = Path(__file__).with_name("compiler.py")
_LONGEST_S = 300.0


def compile_all(python: Path, target: Target, content: Content, mounted: str, *, strict: bool) -> Content:
    """The compiled form of every module of `content`, which the platform will see at `mounted` (/opt, /var/user).

    `python` is an interpreter of the target's version. Raises PackagingError when it fails, and for a source that does
    not compile if `strict`. Otherwise such a file (some package ships code for other Pythons) stays without bytecode.
    """
    names = sorted(name for name in content if name.endswith(".py"))
    with tempfile.TemporaryDirectory(prefix="pm-compile-") as folder:
        for name in names:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content[name])
        job = {"python": target.python, "folder": folder, "mounted": mounted, "names": names}
        failed = _run(python, json.dumps(job))
        if failed and strict:
            raise PackagingError("; ".join(f"{name}: {reason}" for name, reason in sorted(failed.items())))
        made = (name for name in (_compiled(name, target) for name in names) if Path(folder, name).exists())
        return {name: Path(folder, name).read_bytes() for name in made}


def _compiled(name: str, target: Target) -> str:
    parent, _, file = name.rpartition("/")
    return f"{parent + '/' if parent else ''}__pycache__/{file.removesuffix('.py')}.cpython-{target.tag}.pyc"


def _run(python: Path, job: str) -> dict[str, str]:
    """Which files did not compile, and why."""
    environ = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            [python, "-S", _COMPILER], input=job, capture_output=True, text=True, env=environ, timeout=_LONGEST_S
        )
        failed: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise PackagingError(f"{python} does not compile the packages ({type(error).__name__}). Does it run?") from None
    return failed
