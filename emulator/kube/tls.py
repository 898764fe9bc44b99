"""TLS for the API: a certificate authority and a server certificate, made once, and the kubeconfig that trusts them."""

from __future__ import annotations

import base64
import os
import ssl
from pathlib import Path

import trustme
import yaml

from emulator.listen import Tls

_HOSTS = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


class Authority:
    """The files of one folder: ca.crt (to hand out), tls.crt and tls.key (for the listener, private)."""

    def __init__(self, folder: Path) -> None:
        self.ca = folder / "ca.crt"
        self.server = Tls(cert=folder / "tls.crt", key=folder / "tls.key")

    def ensure(self) -> Authority:
        """Make the files if any of them is missing or of no use.

        The CA's own key is not kept: nothing else is ever signed.
        """
        if not self._usable():
            self.ca.parent.mkdir(parents=True, exist_ok=True)
            authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
            issued = authority.issue_cert(*_HOSTS, key_type=trustme.KeyType.ECDSA)
            _write(self.server.key, issued.private_key_pem.bytes())
            _write(self.server.cert, b"".join(blob.bytes() for blob in issued.cert_chain_pems))
            _write(self.ca, authority.cert_pem.bytes())  # last: its presence says that the others are whole
        return self

    def _usable(self) -> bool:
        try:
            context = ssl.create_default_context(cafile=str(self.ca))
            context.load_cert_chain(self.server.cert, self.server.key)
        except OSError:  # missing, unreadable or, as an SSLError, no such thing
            return False
        return True

    def ca_pem(self) -> str:
        return self.ca.read_text()


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    with open(fresh, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    fresh.replace(path)


def kubeconfig(server: str, ca: str, token: str, namespace: str = "default") -> str:
    """The file for KUBECONFIG. `server` is an https URL, `ca` the PEM text of the certificate authority."""
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(ca.encode()).decode()}
    context = {"cluster": "patchmill", "user": "patchmill", "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "patchmill", "cluster": cluster}],
        "users": [{"name": "patchmill", "user": {"token": token}}],
        "contexts": [{"name": "patchmill", "context": context}],
        "current-context": "patchmill",
    }
    return yaml.safe_dump(config, sort_keys=False)
