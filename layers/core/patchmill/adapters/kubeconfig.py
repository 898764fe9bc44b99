"""A kubeconfig's text in, how to reach its cluster out: address, CA, and a client certificate or a token.

TKE gives one per identity, with a client certificate (cloud.tencent.com/document/api/457/48149). Only what stands in
the text itself is taken: no paths of files, no commands to run.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from patchmill.errors import Unavailable


class BadKubeconfig(Unavailable):
    """A kubeconfig that can't be used; says what is wrong and shows none of it. Somebody has to mend it."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the kubeconfig is of no use: {problem}")


@dataclass(frozen=True)
class Login:
    """How to reach a cluster. PEM texts; the repr shows no secret."""

    server: str
    ca: str | None
    token: str | None = field(repr=False)
    certificate: str | None = field(repr=False)
    key: str | None = field(repr=False)
    expires_at: float | None
    """When the client certificate ends, in seconds since the epoch."""

    def context(self) -> ssl.SSLContext:
        """Raises BadKubeconfig when the certificates are of no use."""
        try:
            context = ssl.create_default_context(cadata=self.ca)
            if self.certificate and self.key:
                _load(context, self.certificate + "\n" + self.key)
        except (ssl.SSLError, ValueError):
            raise BadKubeconfig("its certificates are not usable") from None
        return context


def parse(text: str) -> Login:
    """The current context's cluster and user. Raises BadKubeconfig."""
    import yaml

    try:
        config = yaml.safe_load(text)
        context = _named(config, "contexts", config["current-context"])["context"]
        cluster = _named(config, "clusters", context["cluster"])["cluster"]
        user = _named(config, "users", context["user"])["user"]
        server = str(cluster["server"]).rstrip("/")
    except (yaml.YAMLError, KeyError, TypeError):
        raise BadKubeconfig("it is not of the form that kubectl writes") from None
    if not server.startswith("https://") or cluster.get("insecure-skip-tls-verify"):
        raise BadKubeconfig("its server is not reached by verified https")
    certificate, key = _pem(user, "client-certificate-data"), _pem(user, "client-key-data")
    token = str(user["token"]) if user.get("token") else None
    if not token and not (certificate and key):
        raise BadKubeconfig("its user has neither a token nor a client certificate with its key in the text")
    ends = _end_of(certificate) if certificate else None
    return Login(server, _pem(cluster, "certificate-authority-data"), token, certificate, key, ends)


def _named(config: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    for entry in config[kind]:
        if entry["name"] == name:
            return dict(entry)
    raise KeyError(name)


def _pem(holder: dict[str, Any], name: str) -> str | None:
    if not holder.get(name):
        return None
    try:
        return base64.b64decode(str(holder[name]), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise BadKubeconfig(f"{name} is not base64 of a text") from None


def _load(context: ssl.SSLContext, chain: str) -> None:
    """Python takes a client's certificate and key from a file only: a private one, for as long as that takes."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(chain)
        file.flush()
        context.load_cert_chain(file.name)


def _end_of(pem: str) -> float:
    """notAfter of a certificate, in seconds since the epoch: the layer has no library that reads one.

    Certificate ⊃ TBSCertificate ⊃ [version] serial signature issuer validity (RFC 5280, 4.1).
    """
    try:
        certificate = _first(ssl.PEM_cert_to_DER_cert(_one(pem)))
        fields = [value for tag, value in _parts(_first(certificate)) if tag != 0xA0]
        tag, moment = list(_parts(fields[3]))[1]
        form = "%y%m%d%H%M%SZ" if tag == 0x17 else "%Y%m%d%H%M%SZ"
        return datetime.strptime(moment.decode(), form).replace(tzinfo=timezone.utc).timestamp()
    except (ValueError, IndexError, StopIteration):
        raise BadKubeconfig("its client certificate is not one") from None


def _one(pem: str) -> str:
    """The first certificate of a chain: the client's own."""
    end = "-----END CERTIFICATE-----"
    return pem[pem.index("-----BEGIN CERTIFICATE-----") : pem.index(end) + len(end)]


def _first(data: bytes) -> bytes:
    return next(_parts(data))[1]


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of each DER element. Raises IndexError or ValueError when it is cut off."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:  # the long form: so many bytes hold the length
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + length > len(data):
            raise ValueError("cut off")
        yield tag, data[at : at + length]
        at += length
