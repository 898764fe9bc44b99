"""Access to the cluster, against a TLS server that knows its clients: whence it comes, how it is kept and renewed."""

from __future__ import annotations

import base64
import json
import os
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from patchmill.adapters.clusteraccess import ClusterAccess
from patchmill.adapters.kubeconfig import BadKubeconfig
from patchmill.adapters.kubernetes import Cluster
from patchmill.errors import ClusterError, Unavailable
from tests.support.samples import settings_with


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Server:
    """An API server with one Job. It knows clients by a certificate of `clients`, or by `token` where that is set."""

    def __init__(self) -> None:
        self.authority, self.clients = trustme.CA(), trustme.CA()
        self.token: str | None = None
        self.seen: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                known = server.token is None or self.headers["Authorization"] == f"Bearer {server.token}"
                subject = dict(pair[0] for pair in self.connection.getpeercert().get("subject", ()))
                server.seen.append(str(subject.get("commonName", "")))
                body = json.dumps({"metadata": {"name": "x"}} if known else {"reason": "Unauthorized"}).encode()
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.socket = self._context().wrap_socket(self._http.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        self.clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def kubeconfig(
        self, *, minutes: int = 10_000_000, clients: trustme.CA | None = None, token: str | None = None
    ) -> str:
        ends = datetime.now(timezone.utc) + timedelta(minutes=minutes)
        issued = (clients or self.clients).issue_cert("client", common_name="somebody", not_after=ends)
        user = {
            "client-certificate-data": b64(issued.cert_chain_pems[0].bytes()),
            "client-key-data": b64(issued.private_key_pem.bytes()),
            **({"token": token} if token else {}),
        }
        cluster = {"server": self.url, "certificate-authority-data": b64(self.authority.cert_pem.bytes())}
        return yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class Tke:
    """Gives the kubeconfigs of a list, the last one for ever; remembers how often it was asked."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.asked = list(texts), 0

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        assert (service, action) == ("tke", "DescribeClusterKubeconfig")
        assert params == {"ClusterId": "cls-local000", "IsExtranet": False}
        self.asked += 1
        return {"Kubeconfig": self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def access(tke: Tke, folder: Path, now: list[float] | None = None, **changes: str) -> ClusterAccess:
    clock = (lambda: now[0]) if now else time.time
    return ClusterAccess(settings_with(**changes), tke, folder, clock)


def kept(folder: Path) -> Path:
    return folder / "patchmill-kubeconfig-cls-local000"


def job(access: ClusterAccess) -> Any:
    return Cluster(access, "patchmill", tries=1).job("x")


def test_cluster_is_reached_by_the_identity_s_certificate(server: Server, tmp_path: Path) -> None:
    tke = Tke(server.kubeconfig())
    found = access(tke, tmp_path)
    assert tke.asked == 0
    assert job(found) == {"metadata": {"name": "x"}}
    assert job(found) is not None
    assert (tke.asked, server.seen) == (1, ["somebody", "somebody"])
    found.close()


def test_next_process_finds_the_private_file(server: Server, tmp_path: Path) -> None:
    first = access(Tke(server.kubeconfig()), tmp_path)
    job(first)
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [kept(tmp_path).name]
    second = Tke(server.kubeconfig())
    assert job(access(second, tmp_path)) is not None
    assert second.asked == 0


@pytest.mark.parametrize("how", ["open to others", "a link", "too old", "from the future", "no kubeconfig's size"])
def test_file_that_may_not_be_ours_is_not_used(server: Server, tmp_path: Path, how: str) -> None:
    text, file = server.kubeconfig(), kept(tmp_path)
    place = tmp_path / "elsewhere" if how == "a link" else file
    place.write_text(text + ("#" * 300_000 if how == "no kubeconfig's size" else ""))
    place.chmod(0o644 if how == "open to others" else 0o600)
    if how == "a link":
        file.symlink_to(place)
    if how in ("too old", "from the future"):
        moment = time.time() + (-7200 if how == "too old" else 7200)
        os.utime(file, (moment, moment))
    tke = Tke(text)
    job(access(tke, tmp_path))
    assert tke.asked == 1
    assert not file.is_symlink()


def test_folder_that_takes_no_file_costs_nothing_else(server: Server, tmp_path: Path) -> None:
    tke = Tke(server.kubeconfig())
    assert job(access(tke, tmp_path / "missing")) is not None


def test_rotated_token_is_fetched_anew_once(server: Server, tmp_path: Path) -> None:
    server.token = "first"
    tke = Tke(server.kubeconfig(token="first"), server.kubeconfig(token="second"))
    found = access(tke, tmp_path)
    job(found)
    server.token = "second"
    assert job(found) is not None
    assert job(access(Tke("unused"), tmp_path)) is not None  # the file is the new one
    assert tke.asked == 2
    server.token = "third"
    with pytest.raises(ClusterError) as caught:
        job(found)
    assert (caught.value.status, tke.asked) == (401, 3)


def test_certificate_that_the_server_no_longer_takes_is_fetched_anew_once(server: Server, tmp_path: Path) -> None:
    tke = Tke(server.kubeconfig(clients=trustme.CA()), server.kubeconfig())
    assert job(access(tke, tmp_path)) is not None
    strangers = Tke(server.kubeconfig(clients=trustme.CA()))
    with pytest.raises(Unavailable):
        job(access(strangers, tmp_path / "missing"))
    assert (tke.asked, strangers.asked) == (2, 2)


def test_server_with_another_authority_is_found_by_a_new_kubeconfig(server: Server, tmp_path: Path) -> None:
    old = Server()
    text = old.kubeconfig(clients=server.clients).replace(old.url, server.url)
    old.close()
    tke = Tke(text, server.kubeconfig())
    assert job(access(tke, tmp_path)) is not None
    assert tke.asked == 2


def test_server_that_has_moved_is_found_by_a_new_kubeconfig_once_a_minute(server: Server, tmp_path: Path) -> None:
    now = [time.time()]
    away = server.kubeconfig().replace(server.url, "https://127.0.0.1:1")
    tke = Tke(server.kubeconfig(), away, server.kubeconfig())
    kept(tmp_path).write_text(away)
    kept(tmp_path).chmod(0o600)
    os.utime(kept(tmp_path), (now[0] - 90, now[0] - 90))
    found = access(tke, tmp_path, now)
    assert job(found) is not None
    found.renew()
    for _ in range(2):
        with pytest.raises(Unavailable):
            job(found)
    assert tke.asked == 2
    now[0] += 61
    assert job(found) is not None


def test_access_is_asked_for_anew_after_an_hour(server: Server, tmp_path: Path) -> None:
    now = [time.time()]
    tke = Tke(server.kubeconfig())
    found = access(tke, tmp_path, now)
    job(found)
    now[0] += 3590
    job(found)
    assert tke.asked == 1
    now[0] += 20
    job(found)
    assert tke.asked == 2


def test_certificate_about_to_end_is_replaced(server: Server, tmp_path: Path) -> None:
    now = [time.time()]
    tke = Tke(server.kubeconfig(minutes=40), server.kubeconfig())
    found = access(tke, tmp_path, now)
    job(found)
    now[0] += 34 * 60
    job(found)
    assert tke.asked == 1
    now[0] += 2 * 60
    job(found)
    assert tke.asked == 2
    assert job(access(Tke("unused"), tmp_path, now)) is not None


def test_file_with_a_certificate_about_to_end_is_not_used(server: Server, tmp_path: Path) -> None:
    now = [time.time()]
    job(access(Tke(server.kubeconfig(minutes=40)), tmp_path, now))
    now[0] += 36 * 60
    tke = Tke(server.kubeconfig())
    job(access(tke, tmp_path, now))
    assert tke.asked == 1


def test_certificate_that_has_ended_is_told(server: Server, tmp_path: Path) -> None:
    now = [time.time() + 3600]
    with pytest.raises(BadKubeconfig, match="has ended"):
        job(access(Tke(server.kubeconfig(minutes=40)), tmp_path, now))


def test_given_kubeconfig_is_taken_and_never_replaced(server: Server, tmp_path: Path) -> None:
    tke = Tke("unused")
    given = access(tke, tmp_path, PATCHMILL_KUBECONFIG=server.kubeconfig(token="a"))
    assert job(given) is not None
    server.token = "other"
    with pytest.raises(ClusterError) as caught:
        job(given)
    assert (caught.value.status, tke.asked) == (401, 0)
    assert list(tmp_path.iterdir()) == []


def test_answer_of_no_use_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the kubeconfig is of no use"):
        job(access(Tke(""), tmp_path))
    assert list(tmp_path.iterdir()) == []
