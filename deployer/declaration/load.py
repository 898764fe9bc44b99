"""The project and the name of a stage in; a checked `Declaration` out.

The road: the stage's envFile, YAML (a key given twice is an error), variables, schemas, then what more than one key has
to do with. Every fault is told at once, each with its place and never with a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from deployer.declaration import build, checks, envfile, yamlfile
from deployer.declaration.model import Declaration
from deployer.declaration.problems import only_unknown_keys, problems, unknown_keys
from deployer.declaration.schema import Document
from deployer.declaration.stage import Stage
from deployer.declaration.variables import Unresolved, Variables

FILE = "serverless.yml"
TEMPLATE = "example"
_STAGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,30}")
Model = TypeVar("Model", bound=BaseModel)


class DeclarationError(ValueError):
    """serverless.yml or the stage can't be used; the text has one line per fault, with file, place and reason."""


def load(project: Path, stage: str, environ: Mapping[str, str], *, addresses: bool = True) -> Declaration:
    """Read <project>/serverless.yml for `stage`; ${env:…} sees `environ` and, before it, the stage's envFile.

    Not `addresses`: what is only known once the platform runs may be empty; enough to build packages. DeclarationError.
    """
    project = project.resolve()
    if not (project / FILE).is_file():
        raise DeclarationError(f"there is no {FILE} in {project}: go to the project's folder, or name it (--project)")
    shown = _stage_file(project, stage)
    try:
        raw = yamlfile.read(project / FILE, FILE)
        if not isinstance(raw, dict):
            raise DeclarationError(f"{FILE}: a mapping is wanted")
        variables, merged = _variables(raw, project, stage, environ)
    except (yamlfile.YamlError, envfile.EnvFileError) as error:
        raise DeclarationError(str(error)) from error
    resolved = variables.resolve(raw)
    document, faults = _checked(Document, resolved)
    chosen, stage_faults = _checked(Stage, _at(resolved, "custom", "stage"))
    if document and chosen:
        faults += checks.problems(document, chosen, stage, project)
    if chosen:
        stage_faults += _stage_problems(chosen, stage, variables, addresses)
    told = [f"{FILE}: {fault}" for fault in (*variables.problems, *_frame_problems(resolved, stage), *faults)]
    told += [f"{shown}: {fault}" for fault in stage_faults]
    if told or not document or not chosen:
        raise DeclarationError("\n".join(told))
    return build.declaration(document, chosen, stage, project, merged)


def _stage_file(project: Path, stage: str) -> str:
    """The stage's file, relative to the project. Raises DeclarationError, which names the stages there are."""
    shown = f"stages/{stage}.yml"
    if not _STAGE_NAME.fullmatch(stage) or not (project / shown).is_file():
        there = sorted(path.stem for path in (project / "stages").glob("*.yml") if path.stem != TEMPLATE)
        known = f"there is: {', '.join(there)}" if there else "there is none yet"
        raise DeclarationError(
            f"there is no stage {stage!r} ({known}); copy stages/{TEMPLATE}.yml to stages/<stage>.yml to make one"
        )
    return shown


def _variables(
    raw: dict[str, Any], project: Path, stage: str, environ: Mapping[str, str]
) -> tuple[Variables, dict[str, str]]:
    """What resolves the document, and the environment that it sees. Raises EnvFileError."""
    files: dict[str, Any] = {}

    def read_file(path: str) -> Any:
        if path not in files:
            files[path] = _read_file(project, path)
        return files[path]

    options = {"stage": stage}
    # Which file it is can't depend on what is in it.
    early = Variables(raw, environ, options, read_file)
    name = early.resolve("${self:custom.stage.envFile, ''}", "custom.stage.envFile")
    if not isinstance(name, str) or not name:
        return Variables(raw, environ, options, read_file), dict(environ)
    path = project / Path(name).expanduser()
    given = envfile.read(path, name)
    merged = {**environ, **(given or {})}
    hint = f"; {name}, which may hold it, is not there" if given is None else f"; it is not in {name} either"
    return Variables(raw, merged, options, read_file, hint), merged


def _read_file(project: Path, path: str) -> Any:
    """A YAML file of the project; None when it is not there. Raises ValueError."""
    full = (project / path).resolve()
    if not full.is_relative_to(project):
        raise ValueError(f"the file {path} is not inside of the project")
    if full.suffix not in (".yml", ".yaml"):
        raise ValueError(f"the file {path} is no .yml")
    return yamlfile.read(full, path) if full.is_file() else None


def _at(data: Any, *way: str) -> Any:
    """What is there, or something unresolved where nothing is: then it has been told already."""
    for key in way:
        data = data.get(key, Unresolved()) if isinstance(data, dict) else Unresolved()
    return data


def _frame_problems(resolved: dict[str, Any], stage: str) -> Iterator[str]:
    """Whether the document is of this stage at all."""
    own = _at(resolved, "provider", "stage")
    if isinstance(own, str) and own != stage:
        yield f"provider.stage is not {stage!r}: ${{opt:stage, 'local'}} is wanted there"
    custom = resolved.get("custom")
    if isinstance(custom, dict) and "stage" not in custom:
        yield "custom.stage is missing: ${file(stages/${self:provider.stage}.yml)} is wanted there"


def _checked(model: type[Model], data: Any) -> tuple[Model | None, list[str]]:
    """The model and what is wrong with it; with nothing worse than unknown keys there is still a model without them."""
    if isinstance(data, Unresolved):
        return None, []
    try:
        return model.model_validate(data), []
    except ValidationError as error:  # its own text shows values, which may be secret
        faults = list(problems(error, model))
        if not only_unknown_keys(error):
            return None, faults
        for way in unknown_keys(error):
            data = _pruned(data, way)
        return model.model_validate(data), faults


def _pruned(data: Any, way: tuple[int | str, ...]) -> Any:
    """A copy of `data` without what is at `way`."""
    key, *rest = way
    if isinstance(data, list):
        return [_pruned(item, tuple(rest)) if index == key else item for index, item in enumerate(data)]
    if not rest:
        return {name: item for name, item in data.items() if name != key}
    return {name: _pruned(item, tuple(rest)) if name == key else item for name, item in data.items()}


def _stage_problems(stage: Stage, name: str, variables: Variables, addresses: bool) -> Iterator[str]:
    """What the stage still lacks for a deployment."""
    if not addresses:
        return
    late = {"kafka.bootstrap": stage.kafka.bootstrap}
    if stage.endpoint.scheme == "http":  # Tencent Cloud's own addresses are https
        late |= {"endpoint.api": stage.endpoint.api, "endpoint.cos": stage.endpoint.cos}
    for place, value in late.items():
        if not value:
            names = variables.missed.get(f"custom.stage.{place}", {})
            wanted = f": {' or '.join(names)} is not set{variables.env_hint}" if names else ""
            yield f"{place} is empty{wanted}"
    if name == TEMPLATE or "xxxxxxxx" in stage.model_dump_json(exclude={"environment", "functions"}):
        yield f"it still holds ids of stages/{TEMPLATE}.yml, which is there to be copied and filled in"
