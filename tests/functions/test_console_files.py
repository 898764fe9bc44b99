"""The console's files as submit serves them: public, with a strict policy, cached by their hashes, nothing else."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from submit import console
from tests.support.samples import settings_with
from tests.support.world import World

BUILT = Path(__file__).resolve().parents[2] / "layers/console"
FILES = {
    "index.html": "<!doctype html><title>Patchmill</title>",
    "favicon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "assets/index-Ab3_x9Zq.js": "export {}",
    "assets/index-Ab3_x9Zq.css": "p { margin: 0 }",
    "assets/plain.js": "export {}",
    "assets/photo.png": "binary",
    "assets/deep/er-12345678.js": "export {}",
    "secret.py": "key = 1",
}


@pytest.fixture
def layer(tmp_path: Path) -> Iterator[Path]:
    """A layer `console` at its place on the path, before any other."""
    for name, text in FILES.items():
        path = tmp_path / "layer" / console.PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    sys.path.insert(0, str(tmp_path / "layer"))
    yield tmp_path / "layer"
    sys.path.remove(str(tmp_path / "layer"))


def test_page_is_public_and_allows_nothing_but_itself_and_the_buckets(world: World, layer: Path) -> None:
    reply = world.request("GET", "/", key=None)
    assert (reply.status, reply.text) == (200, FILES["index.html"])
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
    assert policy.pop("connect-src").split() == [
        "'self'",
        f"http://{world.stand.env['PATCHMILL_COS_DOMAIN'].split('/')[0]}",
    ]
    assert policy.pop("img-src") == "'self' data:"
    assert {name: value for name, value in policy.items() if value != "'self'"} == dict.fromkeys(
        ("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'"
    )


def test_unchanged_page_is_304(world: World, layer: Path) -> None:
    etag = world.request("GET", "/", key=None).headers["etag"]
    reply = world.request("GET", "/", key=None, if_none_match=etag)
    assert (reply.status, reply.text) == (304, "")


@pytest.mark.parametrize(
    ("name", "kind", "caching"),
    [
        ("assets/index-Ab3_x9Zq.js", "text/javascript", "immutable"),
        ("assets/index-Ab3_x9Zq.css", "text/css", "immutable"),
        ("assets/plain.js", "text/javascript", "no-cache"),
        ("favicon.svg", "image/svg+xml", "max-age=86400"),
    ],
)
def test_files_have_their_types_and_are_kept_by_their_hashes(
    world: World, layer: Path, name: str, kind: str, caching: str
) -> None:
    reply = world.request("GET", f"/{name}", key=None)
    assert (reply.status, reply.text) == (200, FILES[name])
    assert reply.headers["content-type"].startswith(kind)
    assert caching in reply.headers["cache-control"]
    assert "default-src 'none'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["/assets/none.js", "/assets/photo.png", "/assets/..%2Fsecret.py", "/assets/../secret.py",
     "/assets/%2e%2e/index.html", "/assets/deep/er-12345678.js", "/assets/", "/assets/secret.py"],
)  # fmt: skip
def test_nothing_else_is_served(world: World, layer: Path, path: str) -> None:
    assert world.request("GET", path, key=None).status == 404


def test_other_paths_still_need_a_key(world: World, layer: Path) -> None:
    for path in ("/index.html", "/secret.py", "/v1/tasks", "/assets", "/metrics"):
        assert world.request("GET", path, key=None).status == 401
    assert world.request("POST", "/", key=None).status == 405


def test_every_file_that_was_built_is_served(world: World) -> None:
    folder = BUILT / console.PACKAGE
    names = [
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix not in (".py", ".pyc", "")
    ]
    sys.path.insert(0, str(BUILT))
    try:
        found = {name: world.request("GET", f"/{name}", key=None).status for name in names if name != "index.html"}
        assert {name for name, status in found.items() if status != 200} == set()
        page = world.request("GET", "/", key=None).text
    finally:
        sys.path.remove(str(BUILT))
    used = re.findall(r"(?:src|href)=\"/([^\"]+)\"", page)
    assert used and set(used) <= set(names)


def test_api_s_own_answers_allow_no_script(world: World) -> None:
    assert "default-src 'none'" in world.request("GET", "/v1/tasks").headers["content-security-policy"]


def test_function_without_the_layer_says_so(world: World) -> None:
    from patchmill.events import HttpEvent
    from submit import wsgi

    event = HttpEvent({"httpMethod": "GET", "path": "/", "headers": {}})
    import falcon

    app: falcon.App[falcon.Request, falcon.Response] = falcon.App()
    app.add_route("/", console.Console(world.services, package="patchmill_no_console"))
    answer = wsgi.respond(app, event)
    assert answer["statusCode"] == 404 and "not installed" in answer["body"]


def test_policy_names_the_vendor_s_hosts_by_default() -> None:
    policy = console.policy(settings_with(PATCHMILL_COS_DOMAIN="", PATCHMILL_COS_SCHEME="https"))
    assert re.findall(r"https://[^ ;]+", policy) == [
        "https://patchmill-code-1250000000.cos.ap-guangzhou.myqcloud.com",
        "https://patchmill-logs-1250000000.cos.ap-guangzhou.myqcloud.com",
    ]
