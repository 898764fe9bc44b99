"""A kubeconfig as TKE writes it: what is taken from it, and what is refused by name."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import Any

import pytest
import trustme
import yaml

from patchmill.adapters.kubeconfig import BadKubeconfig, parse

CA = trustme.CA()
END = datetime(2046, 11, 24, 12, 0, 0, tzinfo=timezone.utc)
FAR = datetime(2059, 11, 24, 12, 0, 0, tzinfo=timezone.utc)  # from 2050 on, a certificate writes years in another form
CLIENT = CA.issue_cert("client.local", common_name="100000000001-1764000000", not_after=END)
TOKEN = {"token": "token-canary"}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def certificate(issued: trustme.LeafCert = CLIENT) -> dict[str, str]:
    return {
        "client-certificate-data": b64(issued.cert_chain_pems[0].bytes()),
        "client-key-data": b64(issued.private_key_pem.bytes()),
    }


def config(user: dict[str, Any], **cluster: Any) -> str:
    whole = {"server": "https://10.0.0.9:443/", "certificate-authority-data": b64(CA.cert_pem.bytes()), **cluster}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "other", "cluster": {}}, {"name": "cls-1", "cluster": whole}],
            "users": [{"name": "100000000001", "user": user}],
            "contexts": [{"name": "cls-1-context", "context": {"cluster": "cls-1", "user": "100000000001"}}],
            "current-context": "cls-1-context",
        }
    )


def test_client_certificate_is_taken_with_its_end() -> None:
    login = parse(config(certificate()))
    assert login.server == "https://10.0.0.9:443"
    assert login.expires_at == END.timestamp()
    assert login.token is None and login.context() is not None


def test_end_beyond_2049_is_read() -> None:
    issued = CA.issue_cert("client.local", not_after=FAR)
    assert parse(config(certificate(issued))).expires_at == FAR.timestamp()


def test_token_is_taken() -> None:
    login = parse(config(TOKEN))
    assert (login.token, login.expires_at) == ("token-canary", None)


def test_repr_shows_no_secret() -> None:
    assert "canary" not in repr(parse(config(TOKEN)))
    assert "PRIVATE KEY" not in repr(parse(config(certificate())))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not of the form"),
        ("canary: [", "not of the form"),
        ("clusters: []\ncurrent-context: x", "not of the form"),
        (config(TOKEN, server="http://10.0.0.9"), "verified https"),
        (config(TOKEN, **{"insecure-skip-tls-verify": True}), "verified https"),
        (config({"exec": {"command": "canary"}}), "neither a token"),
        (config({"client-certificate": "/canary", "client-key": "/canary"}), "neither a token"),
        (config({"client-certificate-data": b64(b"canary"), "client-key-data": b64(b"canary")}), "is not one"),
        (config({"client-certificate-data": "%", "client-key-data": "%"}), "not base64"),
    ],
)
def test_what_is_of_no_use_is_named_and_not_shown(text: str, problem: str) -> None:
    with pytest.raises(BadKubeconfig, match=problem) as caught:
        parse(text)
    assert "canary" not in str(caught.value)


def test_certificate_cut_short_is_refused() -> None:
    whole = CLIENT.cert_chain_pems[0].bytes().decode()
    begin, body, end = whole.partition("\n")[0], "".join(whole.splitlines()[1:-1]), whole.splitlines()[-1]
    for length in (4, 40, 80, 200):
        short = b64(base64.b64decode(body)[:length])
        with pytest.raises(BadKubeconfig):
            parse(config({**certificate(), "client-certificate-data": b64(f"{begin}\n{short}\n{end}\n".encode())}))


def test_key_of_another_certificate_is_refused() -> None:
    user = {**certificate(), "client-key-data": certificate(CA.issue_cert("other.local"))["client-key-data"]}
    with pytest.raises(BadKubeconfig, match="certificates"):
        parse(config(user)).context()
