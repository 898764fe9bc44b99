"""The console's files: public, from the package `patchmill_console` of the layer `console`.

in   GET / and GET /assets/<name>, /favicon.svg; the API's own paths are none of this
out  text files with a strict policy: scripts and styles from here alone, connections to here and to the two buckets
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from urllib.parse import urlsplit

import falcon

from patchmill.services import Services
from patchmill.settings import Settings
from submit.problems import Problem
from submit.resources import unchanged

PACKAGE = "patchmill_console"
_FAVICON = "favicon.svg"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
_HASHED = re.compile(r".+[-.][A-Za-z0-9_-]{8,}\.[a-z]+")
_ABSENT = (
    "Patchmill's API. Its console is not installed here: the function needs the layer `console`.\n"
    "The API is at /v1, with an API key.\n"
)


def is_public(path: str) -> bool:
    return path in ("/", f"/{_FAVICON}") or path.startswith("/assets/")


class Console:
    """One resource for all three paths; files are read once and kept."""

    def __init__(self, services: Services, package: str = PACKAGE) -> None:
        self._policy = policy(services.settings)
        self._package = package
        self._known: dict[str, Path] | None = None
        self._read: dict[str, str] = {}

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        if "index.html" not in self._files():
            response.status = falcon.HTTP_404
            response.content_type, response.text = _TYPES[".txt"], _ABSENT
            return
        self._send(request, response, "index.html", "no-cache")

    def on_get_favicon(self, request: falcon.Request, response: falcon.Response) -> None:
        self._send(request, response, _FAVICON, "public, max-age=86400")

    def on_get_asset(self, request: falcon.Request, response: falcon.Response, name: str) -> None:
        lasting = "public, max-age=31536000, immutable" if _HASHED.fullmatch(name) else "no-cache"
        self._send(request, response, f"assets/{name}", lasting)

    def _send(self, request: falcon.Request, response: falcon.Response, name: str, caching: str) -> None:
        path = self._files().get(name)
        if path is None:
            raise Problem(404, "The console has no such file.")
        if name not in self._read:
            self._read[name] = path.read_text("utf-8")
        text = self._read[name]
        response.set_header("Cache-Control", caching)
        response.set_header("Content-Security-Policy", self._policy)
        response.set_header("Referrer-Policy", "no-referrer")
        response.set_header("Cross-Origin-Opener-Policy", "same-origin")
        if not unchanged(request, response, f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'):
            response.content_type, response.text = _TYPES[path.suffix], text

    def _files(self) -> dict[str, Path]:
        """Only what is there when it is first asked for is ever sent: no name leads out of the folder."""
        if self._known is None:
            folder = _folder(self._package)
            found = [*folder.glob("*"), *folder.glob("assets/*")] if folder else []
            self._known = {
                path.relative_to(folder).as_posix(): path
                for path in found
                if folder and path.suffix in _TYPES and path.is_file()
            }
        return self._known


def policy(settings: Settings) -> str:
    """Content-Security-Policy of the console."""
    buckets = dict.fromkeys(_origin(bucket, settings) for bucket in (settings.code_bucket, settings.logs_bucket))
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            f"connect-src 'self' {' '.join(buckets)}",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _origin(bucket: str, settings: Settings) -> str:
    """Where presigned URLs of a bucket lead: the SDK's own rule, or the template of another endpoint."""
    domain = settings.cos_domain or f"{{bucket}}.cos.{settings.cos_region}.myqcloud.com"
    return f"{settings.cos_scheme}://{urlsplit('//' + domain.replace('{bucket}', bucket)).netloc}"


def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None
