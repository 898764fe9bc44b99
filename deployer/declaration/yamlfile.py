"""A YAML file of the project in, plain data out. A key that is given twice is an error."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml


class YamlError(ValueError):
    """The file can't be read; the text names it and the line, and shows nothing of what it holds."""


def read(path: Path, shown: str) -> Any:
    """The data in `path`. Raises YamlError, in which the file is called `shown`."""
    try:
        return yaml.load(path.read_text("utf-8"), Loader=_OneOfEachKey)  # noqa: S506 a SafeLoader
    except OSError as error:
        raise YamlError(f"{shown}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise YamlError(f"{shown} is no YAML: it is not UTF-8") from error
    except yaml.MarkedYAMLError as error:  # its own text shows the line
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise YamlError(f"{shown} is no YAML{line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise YamlError(f"{shown} is no YAML: it holds a character that YAML does not allow") from error


class _OneOfEachKey(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)
