"""The agent's image: agent/ in; a tag made of its content, the command to build it, and whether a registry has it, out.

A registry is asked by its HTTP API (distribution/distribution, "HTTP API V2"): HEAD of the manifest, with a bearer
token where it wants one. What keeps it from answering is a reason, not a fault: a deployment goes on without it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

TIMEOUT_S = 5.0
_TAG_DIGITS = 16
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_PACKED = ("Dockerfile", ".dockerignore", "requirements.txt", "requirements-nodeps.txt", "patchmill_agent")
DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class Exists:
    """The registry has it. `digest` is the manifest's, like sha256:…; empty when the registry does not say."""

    digest: str


@dataclass(frozen=True)
class Missing:
    """The registry answered that it has no such image."""


@dataclass(frozen=True)
class Unknown:
    """Nobody gave an answer; `reason` is for people."""

    reason: str


@dataclass(frozen=True)
class Reference:
    """The parts of an image's name. `version` is a tag or a digest; `registry` is host or host:port."""

    registry: str
    repository: str
    version: str


class BadReference(ValueError):
    """The name of an image is malformed; the text says how."""


def content_tag(project: Path) -> str:
    """Sixteen hex digits over what the Dockerfile copies and itself; the base image and its packages are not in it."""
    total = hashlib.sha256()
    for path in _files(project / "agent"):
        data = path.read_bytes()
        total.update(f"{path.relative_to(project).as_posix()}\0{len(data)}\0".encode() + data)
    return total.hexdigest()[:_TAG_DIGITS]


def _files(agent: Path) -> list[Path]:
    """What .dockerignore lets through: no bytecode, nothing hidden but itself."""
    found = [agent / name for name in _PACKED if (agent / name).is_file()]
    for path in (agent / "patchmill_agent").rglob("*"):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(agent).parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            found.append(path)
    return sorted(found)


def build_command(project: Path, image: str, engine: str, base: str | None = None) -> list[str]:
    """The command that builds the image with podman or docker. `base`: another base image than the Dockerfile's."""
    arguments = [f"--build-arg=BASE={base}"] if base else []
    return [engine, "build", *arguments, f"--tag={image}", str(project / "agent")]


def engines() -> list[str]:
    """Which of podman and docker there are."""
    return [name for name in ("podman", "docker") if shutil.which(name)]


def parse(image: str) -> Reference:
    """Raises BadReference. As docker reads it: a first part without a dot, a port or `localhost` is no registry."""
    name, _, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    registry, path = (first, rest) if slash and (re.search(r"[.:]", first) or first == "localhost") else ("", name)
    repository, _, tag = path.partition(":")
    if not re.fullmatch(r"[a-z0-9]+([._/-]+[a-z0-9]+)*", repository):
        raise BadReference(f"{image!r} is no image name: write it as registry/repository:tag, in small letters.")
    if not re.fullmatch(r"[\w][\w.-]{0,127}", tag or "latest") or not re.fullmatch(r"(sha256:[0-9a-f]{64})?", digest):
        raise BadReference(f"{image!r} has no proper tag or digest behind its name.")
    return Reference(registry, repository, digest or tag or "latest")


def check(image: str, environ: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> Exists | Missing | Unknown:
    """Ask the image's registry for it. Never raises; a name without a registry is not looked for anywhere.

    Name and password: PATCHMILL_REGISTRY_USERNAME and PATCHMILL_REGISTRY_PASSWORD, else those that `podman login` or
    `docker login` left in ~/.docker/config.json (DOCKER_CONFIG) for this registry. `timeout_s` is for each request.
    """
    try:
        reference = parse(image)
    except BadReference as error:
        return Unknown(str(error))
    if reference.registry in ("", DOCKER_HUB):
        return Unknown(f"{image} names no registry of its own")
    scheme = "http" if _is_loopback(reference.registry) else "https"
    login = _login(reference.registry, environ)
    try:
        with httpx.Client(
            timeout=timeout_s,
            headers={"Accept": ", ".join(_MANIFESTS)},
            follow_redirects=True,
            trust_env=scheme == "https",  # no proxy stands before this machine
        ) as client:
            return _ask(client, f"{scheme}://{reference.registry}", reference, login)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Unknown(f"{reference.registry} does not answer ({type(error).__name__})")


def _ask(client: httpx.Client, base: str, reference: Reference, login: str | None) -> Exists | Missing | Unknown:
    url = f"{base}/v2/{reference.repository}/manifests/{reference.version}"
    answer = client.head(url)
    if answer.status_code == 401:
        authorization = _authorization(client, answer.headers.get("www-authenticate", ""), base, reference, login)
        if authorization is None:
            return Unknown(f"{reference.registry} wants a login that it did not get")
        answer = client.head(url, headers={"Authorization": authorization})
    if answer.status_code == 200:
        return Exists(answer.headers.get("docker-content-digest", ""))
    if answer.status_code == 404:
        return Missing()
    if answer.status_code in (401, 403):
        whose = "the login that it got" if login else "a look without a login"
        return Unknown(f"{reference.registry} refuses {whose} (HTTP {answer.status_code})")
    return Unknown(f"{reference.registry} answers HTTP {answer.status_code}")


def _authorization(
    client: httpx.Client, challenge: str, base: str, reference: Reference, login: str | None
) -> str | None:
    """The header that the challenge asks for (docs.docker.com, "Token authentication"); None: it is not to be had."""
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        return f"Basic {login}" if login else None
    values = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    realm = values.get("realm", "")
    secure = ("https://", "http://") if base.startswith("http://") else ("https://",)  # no password over a plainer line
    if scheme.lower() != "bearer" or not realm.startswith(secure):
        return None
    query = {"service": values.get("service", ""), "scope": f"repository:{reference.repository}:pull"}
    answer = client.get(realm, params=query, headers={"Authorization": f"Basic {login}"} if login else {})
    if answer.status_code != 200:
        return None
    try:
        document = answer.json()
        token = document.get("token") or document.get("access_token")
    except (ValueError, AttributeError):
        return None
    return f"Bearer {token}" if token else None


def _is_loopback(registry: str) -> bool:
    host = registry.rpartition(":")[0] or registry
    return host == "localhost" or host.startswith("127.") or host == "[::1]"


def _login(registry: str, environ: Mapping[str, str]) -> str | None:
    """user:password in base64, as the Basic scheme wants it. Never shown."""
    if name := environ.get("PATCHMILL_REGISTRY_USERNAME"):
        return base64.b64encode(f"{name}:{environ.get('PATCHMILL_REGISTRY_PASSWORD', '')}".encode()).decode()
    folder = environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/nonexistent"), ".docker")
    try:
        entry = json.loads(Path(folder, "config.json").read_text())["auths"][registry]
        return str(entry["auth"]) or None
    except (OSError, ValueError, KeyError, TypeError):  # none there, or kept by a helper program, which we don't ask
        return None
