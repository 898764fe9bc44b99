"""Who is who: client certificates, and what happens to clients with bad ones."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import yaml

from emulator.kube.cluster import Cluster
from emulator.kube.images import shell_image
from emulator.kube.tls import Authority
from tests.support.kube_api import TOKEN, Api, running

WHO = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest.fixture(scope="module")
def api(tmp_path_factory: Any) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("kube")) as started:
        yield started


def test_certificate_names_the_user(api: Api) -> None:
    with api.as_user("role-4611686018427387905") as client:
        user = client.post(WHO_AM_I, json=WHO).json()["status"]["userInfo"]
    assert user == {"username": "role-4611686018427387905", "groups": ["system:authenticated"]}


def test_token_is_the_administrators(api: Api) -> None:
    user = api.http.post(WHO_AM_I, json=WHO).json()["status"]["userInfo"]
    assert "system:masters" in user["groups"]


def test_nobody_is_told_so(api: Api) -> None:
    context = ssl.create_default_context(cafile=str(api.ca))
    answer = httpx.get(f"{api.url}/api/v1/namespaces", verify=context)
    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


def test_expired_certificate_is_401(api: Api) -> None:
    with api.as_user("short-lived", life_s=2) as client:
        assert client.get("/api").status_code == 200
        end = time.monotonic() + 10
        while (answer := client.get("/api")).status_code == 200:
            assert time.monotonic() < end
            time.sleep(0.1)
    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


def test_certificate_of_another_authority_gets_nowhere(api: Api, tmp_path: Path) -> None:
    stranger = trustme.CA().issue_cert("client", common_name="kubernetes-admin")
    stranger.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "other.pem"))
    context = ssl.create_default_context(cafile=str(api.ca))
    context.load_cert_chain(tmp_path / "other.pem")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{api.url}/api", verify=context)


def test_certificate_goes_before_a_bad_token(api: Api) -> None:
    with api.as_user("someone") as client:
        assert client.get("/api", headers={"Authorization": "Bearer wrong"}).status_code == 200
        assert client.get("/api/v1/nodes", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 403


def test_identity_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = Authority(tmp_path).ensure().identity("someone")
    assert Authority(tmp_path).ensure().identity("someone") == first
    assert Authority(tmp_path).ensure().identity("other") != first
    secret = [tmp_path / "ca.key", *(tmp_path / "clients").iterdir()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in secret)


def test_identity_is_renewed_when_half_its_life_is_over(tmp_path: Path) -> None:
    authority = Authority(tmp_path).ensure()
    first = authority.identity("someone", 4)
    assert authority.identity("someone", 4) == first
    time.sleep(2.1)
    assert authority.identity("someone", 4) != first


@pytest.mark.parametrize("name", ["", "n" * 65, "a\nb"])
def test_name_that_no_certificate_holds_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        Authority(tmp_path).ensure().identity(name)


def test_folder_without_the_authoritys_key_is_made_anew(tmp_path: Path) -> None:
    authority = Authority(tmp_path).ensure()
    before, identity = authority.ca_pem(), authority.identity("someone")
    (tmp_path / "ca.key").unlink()
    remade = Authority(tmp_path).ensure()
    assert remade.ca_pem() != before
    assert remade.identity("someone") != identity


def test_kubeconfig_of_an_identity_is_whole(tmp_path: Path) -> None:
    image = shell_image("shell:local")
    cluster = Cluster(tmp_path, {image.name: image}, 1, "token")
    text = cluster.identity_kubeconfig("https://127.0.0.1:6443", "role-1")
    assert cluster.identity_kubeconfig("https://127.0.0.1:6443", "role-1") == text
    config = yaml.safe_load(text)
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert set(config["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
    cluster.store.close()
