"""The cluster through its REST API: create, read, list, delete, and a pod's log.

Plain urllib3 instead of the official client: a handful of calls on JSON objects, against 2.8 s of imports at each cold
start and 75 MB in the layer (measured). The official client is what the tests hold the emulator to.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from patchmill import job as jobs
from patchmill.adapters.clusteraccess import ClusterAccess
from patchmill.errors import ClusterBusy, ClusterError, Unavailable

Obj = dict[str, Any]

_PAUSE_S = 0.2
_MAX_PAUSE_S = 5.0
_PAGE = 500
_BLAMED_AFTER_S = 60  # so that a cluster that is away does not cost a call to TKE each time


class _OldAccess(Unavailable):
    """The access may be the fault: an address where nobody listens, or certificates that do not fit.

    `min_age_s`: how old it has to be for that, in seconds.
    """

    def __init__(self, problem: str, min_age_s: int) -> None:
        super().__init__(f"the cluster does not answer: {problem}")
        self.min_age_s = min_age_s


class Cluster:
    """One namespace of one cluster."""

    def __init__(self, access: ClusterAccess, namespace: str, tries: int = 3, read_s: float = 10.0) -> None:
        self._access, self._namespace = access, quote(namespace)
        self._tries, self._timeout = tries, urllib3.Timeout(connect=min(3.0, read_s), read=read_s)

    def create_job(self, job: Obj, secret: Obj) -> str:
        """Make a Job and its Secret, or find them made; returns the Job's uid.

        Raises ClusterBusy when a quota is used up, ClusterError when the object is refused, Unavailable otherwise.
        """
        name = job["metadata"]["name"]
        made = self._create("secrets", secret)
        if made is None:
            # Left by a try that died before it made the Job: its URLs may have run out by now.
            made = self._patch("secrets", name, {"stringData": secret["stringData"]})
        try:
            stored = self._create("jobs", job)
        except ClusterError:
            self.delete("secrets", name)  # nothing would ever remove it
            raise
        if stored is None:
            stored = self._request("GET", self._path("jobs", name))
            _check_ours(stored, job)
        uid = str(stored["metadata"]["uid"])
        if not any(owner.get("uid") == uid for owner in made["metadata"].get("ownerReferences", [])):
            self.adopt(name, uid)
        return uid

    def adopt(self, name: str, uid: str) -> None:
        """Give the Job of that name its Secret, which then goes when the Job goes."""
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}
        self._patch("secrets", name, {"metadata": {"ownerReferences": [owner]}})

    def job(self, name: str) -> Obj | None:
        return self._find("jobs", name)

    def jobs(self) -> list[Obj]:
        """All Jobs of ours."""
        return self._list("jobs", jobs.SELECTOR)

    def pod_of(self, job_name: str) -> Obj | None:
        """The newest pod of a Job."""
        pods = self._list("pods", f"job-name={job_name}")
        return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)

    def secrets(self) -> list[Obj]:
        """All Secrets of ours."""
        return self._list("secrets", jobs.SELECTOR)

    def delete_job(self, name: str) -> bool:
        """With its pods (the API's default would leave them as orphans). False when it was gone."""
        return self.delete("jobs", name)

    def delete(self, resource: str, name: str) -> bool:
        """False when it was gone."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        try:
            self._request("DELETE", self._path(resource, name), options)
        except ClusterError as error:
            if error.status == 404:
                return False
            raise
        return True

    def log(self, pod: str, container: str, max_bytes: int) -> bytes | None:
        """The first `max_bytes` of a container's log; None while it has not started or when it is gone."""
        query = urlencode({"container": container, "limitBytes": max_bytes})
        try:
            response = self._send("GET", f"{self._path('pods', pod)}/log?{query}", None, None)
        except ClusterError as error:
            if error.status in (400, 404):
                return None
            raise
        return response.data[:max_bytes]

    def _create(self, resource: str, obj: Obj) -> Obj | None:
        """None when the name is taken."""
        try:
            return self._request("POST", self._path(resource), obj)
        except ClusterError as error:
            if error.status == 409:
                return None
            raise

    def _find(self, resource: str, name: str) -> Obj | None:
        try:
            return self._request("GET", self._path(resource, name))
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    def _list(self, resource: str, selector: str) -> list[Obj]:
        items: list[Obj] = []
        query = {"labelSelector": selector, "limit": str(_PAGE)}
        while True:
            page = self._request("GET", f"{self._path(resource)}?{urlencode(query)}")
            items += page["items"]
            if not (token := page["metadata"].get("continue")):
                return items
            query["continue"] = token

    def _patch(self, resource: str, name: str, patch: Obj) -> Obj:
        return self._request("PATCH", self._path(resource, name), patch, content_type="application/merge-patch+json")

    def _path(self, resource: str, name: str | None = None) -> str:
        api = "/apis/batch/v1" if resource == "jobs" else "/api/v1"
        path = f"{api}/namespaces/{self._namespace}/{resource}"
        return f"{path}/{quote(name)}" if name else path

    def _request(self, method: str, path: str, body: Obj | None = None, content_type: str = "application/json") -> Obj:
        response = self._send(method, path, body, content_type)
        found = json.loads(response.data)
        return found if isinstance(found, dict) else {}

    def _send(self, method: str, path: str, body: Obj | None, content_type: str | None) -> urllib3.BaseHTTPResponse:
        """Where the access may have been changed (token, certificates, address), it is asked for anew, once."""
        try:
            return self._tried(method, path, body, content_type)
        except ClusterError as error:
            if error.status != 401 or not self._access.renew():
                raise
        except _OldAccess as error:
            if not self._access.renew(error.min_age_s):
                raise
        return self._tried(method, path, body, content_type)

    def _tried(self, method: str, path: str, body: Obj | None, content_type: str | None) -> urllib3.BaseHTTPResponse:
        """Repeats what is safe to repeat: every call here is, since names are given and never generated."""
        to = self._access.connection()
        data = None if body is None else json.dumps(body).encode()
        headers = {**to.http.headers, **({"Content-Type": content_type} if data and content_type else {})}
        failure = Unavailable("the cluster was not asked")
        for turn in range(self._tries):
            pause = _PAUSE_S * 2**turn
            try:
                response = to.http.request(method, to.base + path, body=data, headers=headers, timeout=self._timeout)
            except urllib3.exceptions.SSLError as error:
                raise _OldAccess("the certificates do not fit", 0) from error
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
                failure = _OldAccess(type(error).__name__, _BLAMED_AFTER_S)
            except urllib3.exceptions.HTTPError as error:
                failure = Unavailable(f"the cluster does not answer: {type(error).__name__}")
            else:
                if response.status != 429 and response.status < 500:
                    return _checked(response)
                failure = Unavailable(f"the cluster does not answer: {response.status}")
                pause = _retry_after(response, pause)
            if turn < self._tries - 1:
                time.sleep(min(pause, _MAX_PAUSE_S))
        raise failure


def _checked(response: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
    if response.status < 400:
        return response
    try:
        status = json.loads(response.data)
        reason, message = str(status.get("reason", "")), str(status.get("message", ""))
    except (ValueError, AttributeError):
        reason, message = "", ""  # a proxy's page says nothing that we may repeat
    kind = ClusterBusy if response.status == 403 and "exceeded quota" in message else ClusterError
    raise kind(response.status, reason, message)


def _check_ours(stored: Obj, wanted: Obj) -> None:
    """A Job of that name that is not of this attempt is somebody else's: never count it as done."""
    labels, ours = stored["metadata"].get("labels", {}), wanted["metadata"]["labels"]
    if any(labels.get(name) != ours[name] for name in (jobs.LABEL_TASK, jobs.LABEL_ATTEMPT)):
        raise ClusterError(409, "AlreadyExists", f"a foreign Job is named {wanted['metadata']['name']}")


def _retry_after(response: urllib3.BaseHTTPResponse, default: float) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else default
