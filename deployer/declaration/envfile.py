"""A stage's envFile: lines of NAME=VALUE or export NAME='v' in, a mapping out. It holds secrets, so it is private.

A quoted value is read as a shell reads it; one without quotes is taken as it stands, and holds no space and no quote.
Blank lines and lines that start with # don't count.
"""

from __future__ import annotations

import re
import shlex
import stat
from pathlib import Path

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)")


class EnvFileError(ValueError):
    """The file can't be used; the text names the place, never a value."""


def read(path: Path, shown: str) -> dict[str, str] | None:
    """The variables in `path`, or None when it isn't there. Raises EnvFileError, which calls the file `shown`."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise EnvFileError(f"{shown} holds secrets and is open to others (mode {mode:o}): chmod 600 {shown}")
            lines = file.read().splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnvFileError(f"{shown}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EnvFileError(f"{shown} is not UTF-8") from error
    variables: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            name, value = _variable(line.strip(), f"{shown}, line {number}")
            if name in variables:
                raise EnvFileError(f"{shown}, line {number}: {name} is given twice")
            variables[name] = value
    return variables


def _variable(line: str, place: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if not match:
        raise EnvFileError(f"{place}: NAME=VALUE or export NAME='value' is wanted")
    name, value = match["name"], match["value"]
    if value[:1] not in ("'", '"'):
        if re.search(r"[\s'\"]", value):
            raise EnvFileError(f"{place}: the value of {name} has a space or a quote in it: put it in quotes")
        return name, value
    try:
        words = shlex.split(value, comments=True)
    except ValueError:
        words = []
    if len(words) != 1:
        raise EnvFileError(f"{place}: the quotes of {name}'s value are not closed, or something follows them")
    return name, words[0]
