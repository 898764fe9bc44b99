"""The cluster's API by plain paths: the identity is that of the kubeconfig which TKE gives to whoever deploys.

Not through the official client: it takes longer to import (2.8 s) than a whole plan takes. What is asked for here is a
handful of calls on JSON objects; the kubeconfigs of TKE hold certificates or a token, nothing that has to be run.
"""

from __future__ import annotations

import base64
import binascii
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
import yaml

from deployer.context import Context
from deployer.errors import CloudError
from deployer.retry import Again

Obj = dict[str, Any]

_PAGE = 500
_TIMEOUT = urllib3.Timeout(connect=3.0, read=30.0)
# Where a cluster without an enabled endpoint claims to be: cloud.tencent.com/document/api/457/48149
_NO_ENDPOINT = ".ccs.tencent-cloud.com"


class KubeApi:
    """Every method raises CloudError: service kubernetes, code "Kubernetes." and the reason of the Status."""

    def __init__(self, kubeconfig: str, again: Again | None = None) -> None:
        """Raises CloudError when the kubeconfig is of a kind that TKE does not give."""
        cluster, user = _current(kubeconfig)
        self.server = str(cluster.get("server") or "").rstrip("/")
        self._again = again or Again(tries=6)
        token = user.get("token")
        self._http = urllib3.PoolManager(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            retries=False,
            ssl_context=_tls(cluster, user),
        )

    def find(self, path: str) -> Obj | None:
        """None when there is no such object, or the cluster does not know its kind."""
        try:
            return self.request("GET", path)
        except CloudError as error:
            if error.code == "Kubernetes.NotFound":
                return None
            raise

    def all(self, path: str, selector: str) -> list[Obj]:
        """The objects of a collection that carry these labels, page after page."""
        found: list[Obj] = []
        query = {"labelSelector": selector, "limit": str(_PAGE)}
        while True:
            page = self.find(f"{path}?{urlencode(query)}")
            if page is None:
                return found
            found += page.get("items") or []
            if not (token := (page.get("metadata") or {}).get("continue")):
                return found
            query["continue"] = token

    def create(self, path: str, obj: Obj) -> Obj:
        return self.request("POST", path, obj)

    def patch(self, path: str, obj: Obj) -> Obj:
        """A merge patch: what it does not name stays, lists are replaced whole (RFC 7396)."""
        return self.request("PATCH", path, obj, "application/merge-patch+json")

    def delete(self, path: str) -> None:
        """With what belongs to it; no error when it is gone."""
        try:
            self.request(
                "DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
            )
        except CloudError as error:
            if error.code != "Kubernetes.NotFound":
                raise

    def request(self, method: str, path: str, body: Obj | None = None, content_type: str = "application/json") -> Obj:
        """The answer as an object. What is repeated may already have happened."""
        return self._again(lambda: self._once(method, path, body, content_type))

    def _once(self, method: str, path: str, body: Obj | None, content_type: str) -> Obj:
        action = f"{method} {path.partition('?')[0]}"
        headers = {**self._http.headers, **({"Content-Type": content_type} if body is not None else {})}
        data = None if body is None else json.dumps(body).encode()
        try:
            response = self._http.request(method, self.server + path, body=data, headers=headers, timeout=_TIMEOUT)
        except urllib3.exceptions.HTTPError as error:
            raise CloudError("kubernetes", action, *self._no_answer(error)) from None
        try:
            found = json.loads(response.data)
        except ValueError:
            found = {}
        if response.status >= 400:
            raise _refused(action, response.status, found if isinstance(found, dict) else {})
        return found if isinstance(found, dict) else {}

    def _no_answer(self, error: Exception) -> tuple[str, str]:
        if self.server.endswith(_NO_ENDPOINT):
            return "Kubernetes.NoEndpoint", f"{self.server} is no real address: the endpoint is not enabled."
        return "Kubernetes.NoAnswer", f"{self.server}: {type(error).__name__}"


def connect(context: Context) -> KubeApi:
    """The context's one connection to the stage's cluster, made when it is first needed."""
    if "kubernetes" not in context.cache:
        cluster = context.declaration.cluster
        answer = context.cloud.call(
            "tke", "DescribeClusterKubeconfig", ClusterId=cluster.id, IsExtranet=cluster.extranet
        )
        context.cache["kubernetes"] = KubeApi(str(answer["Kubeconfig"]))
    found: KubeApi = context.cache["kubernetes"]
    return found


def object_path(collection: str, name: str) -> str:
    return f"{collection}/{quote(name, safe='')}"


def _current(kubeconfig: str) -> tuple[Obj, Obj]:
    """Cluster and user of the current context."""
    try:
        document = yaml.safe_load(kubeconfig)
        context = _named(document["contexts"], document["current-context"], "context")
        return (
            _named(document["clusters"], context["cluster"], "cluster"),
            _named(document["users"], context["user"], "user"),
        )
    except (yaml.YAMLError, KeyError, TypeError, StopIteration):
        raise CloudError(
            "kubernetes", "kubeconfig", "Kubernetes.Unauthorized", "TKE gave no usable kubeconfig to this identity."
        ) from None


def _named(entries: list[Obj], name: str, what: str) -> Obj:
    found: Obj = next(entry[what] for entry in entries if entry["name"] == name)
    return found


def _tls(cluster: Obj, user: Obj) -> ssl.SSLContext:
    """The cluster's own authority, and the user's certificate where there is one."""
    try:
        authority = cluster.get("certificate-authority-data")
        context = ssl.create_default_context(cadata=_decoded(authority).decode() if authority else None)
        # Python 3.13 asks for extensions that the authorities of older clusters do not have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if certificate := user.get("client-certificate-data"):
            _load_certificate(context, _decoded(certificate), _decoded(user.get("client-key-data") or ""))
    except (ssl.SSLError, binascii.Error, UnicodeDecodeError, ValueError):
        raise CloudError(
            "kubernetes", "kubeconfig", "Kubernetes.Unauthorized", "The certificates of the kubeconfig are unreadable."
        ) from None
    return context


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """OpenSSL takes them from files only: one that nobody else can read, and that is gone again at once."""
    with tempfile.TemporaryDirectory(prefix="patchmill-deploy-") as folder:
        path = Path(folder) / "user.pem"  # the folder is this user's alone
        path.write_bytes(certificate + b"\n" + key)
        context.load_cert_chain(path)


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _refused(action: str, status: int, found: Obj) -> CloudError:
    reason = str(found.get("reason") or {401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}.get(status, status))
    if status == 429 or status >= 500:
        reason = "Busy"
    return CloudError("kubernetes", action, f"Kubernetes.{reason}", str(found.get("message") or f"Status {status}."))
