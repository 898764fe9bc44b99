"""TLS for the API: a certificate authority, a server certificate, and certificates by which clients say who they are.

All are made once and kept in one folder: ca.crt (to hand out), ca.key, tls.crt and tls.key (for the listener), and
clients/<digest of the name>.pem with key and certificate of one identity. What is secret has mode 0600.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import trustme
import yaml
from cryptography.x509 import load_pem_x509_certificate

from emulator.listen import Tls

_HOSTS = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_MAX_NAME = 64  # characters of a common name: RFC 5280, ub-common-name
TWENTY_YEARS_S = 20 * 365 * 86400.0  # what DescribeClusterKubeconfig's certificates last on the platform


class Authority:
    """The files of one folder, and what can be made with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ca, self._key = folder / "ca.crt", folder / "ca.key"
        self.server = Tls(cert=folder / "tls.crt", key=folder / "tls.key", client_ca=self.ca)

    def ensure(self) -> Authority:
        """Make the files anew, and forget all identities, if any of them is missing or of no use."""
        if not self._usable():
            self.ca.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self._folder / "clients", ignore_errors=True)
            authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
            issued = authority.issue_cert(*_HOSTS, key_type=trustme.KeyType.ECDSA)
            _write(self.server.key, issued.private_key_pem.bytes())
            _write(self.server.cert, b"".join(blob.bytes() for blob in issued.cert_chain_pems))
            _write(self._key, authority.private_key_pem.bytes())
            _write(self.ca, authority.cert_pem.bytes())  # last: its presence says that the others are whole
        return self

    def _usable(self) -> bool:
        try:
            context = ssl.create_default_context(cafile=str(self.ca))
            context.load_cert_chain(self.server.cert, self.server.key)
            context.load_cert_chain(self.ca, self._key)
        except OSError:  # missing, unreadable or, as an SSLError, no such thing
            return False
        return True

    def ca_pem(self) -> str:
        return self.ca.read_text()

    def identity(self, common_name: str, life_s: float = TWENTY_YEARS_S) -> str:
        """PEM text of a private key and the certificate of this name: the same every time, until half its life is over.

        Raises ValueError for a name that no certificate can hold.
        """
        if not 0 < len(common_name) <= _MAX_NAME or not common_name.isprintable():
            raise ValueError(f"a certificate's name has 1 to {_MAX_NAME} printable characters")
        digest = hashlib.sha256(common_name.encode()).hexdigest()[:32]
        path = self._folder / "clients" / f"{digest}.pem"
        if path.exists() and _is_fresh(path.read_text(), life_s):
            return path.read_text()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = trustme.CA.from_pem(self.ca.read_bytes(), self._key.read_bytes())
        start = datetime.now(timezone.utc)
        issued = authority.issue_cert(
            "client",
            common_name=common_name,
            # trustme wants an organization, which is a group to Kubernetes: every user is in this one anyway.
            organization_name="system:authenticated",
            not_before=start,
            not_after=start + timedelta(seconds=life_s),
            key_type=trustme.KeyType.ECDSA,
        )
        _write(path, issued.private_key_and_cert_chain_pem.bytes())
        return path.read_text()


def _is_fresh(pem: str, life_s: float) -> bool:
    end = load_pem_x509_certificate(_split(pem)[1].encode()).not_valid_after_utc
    return (end - datetime.now(timezone.utc)).total_seconds() > life_s / 2


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    with open(fresh, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    fresh.replace(path)


def _split(pem: str) -> tuple[str, str]:
    """Private key and certificates of an identity's file."""
    key, begin, certificates = pem.partition("-----BEGIN CERTIFICATE-----")
    return key, begin + certificates


def kubeconfig(server: str, ca: str, token: str, namespace: str = "default") -> str:
    """The file for KUBECONFIG. `server` is an https URL, `ca` the PEM text of the certificate authority."""
    return _kubeconfig(server, ca, {"token": token}, namespace)


def client_kubeconfig(server: str, ca: str, identity: str, namespace: str = "default") -> str:
    """The same for the PEM text of an identity, instead of a token."""
    key, certificate = _split(identity)
    user = {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)}
    return _kubeconfig(server, ca, user, namespace)


def _kubeconfig(server: str, ca: str, user: dict[str, Any], namespace: str) -> str:
    cluster = {"server": server, "certificate-authority-data": _base64(ca)}
    context = {"cluster": "patchmill", "user": "patchmill", "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "patchmill", "cluster": cluster}],
        "users": [{"name": "patchmill", "user": user}],
        "contexts": [{"name": "patchmill", "context": context}],
        "current-context": "patchmill",
    }
    return yaml.safe_dump(config, sort_keys=False)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
