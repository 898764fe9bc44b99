"""The whole Kubernetes stand-in: a folder, images and a token in; a store, an API app and a running node out.

What it serves over HTTPS is up to the caller: `serve(cluster.app, tls=cluster.tls.server)`. Everything else starts with
`start` and ends with `stop`; all of it lives in the loop that calls them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.types import ASGIApp

from emulator.kube.gc import Collector
from emulator.kube.images import Image
from emulator.kube.jobs import JobController
from emulator.kube.node import Node
from emulator.kube.nodesettings import NodeSettings
from emulator.kube.quota import QuotaKeeper
from emulator.kube.server import create_app
from emulator.kube.store import Store
from emulator.kube.tls import TWENTY_YEARS_S, Authority, client_kubeconfig


class Cluster:
    """One cluster with one node of `slots` pods, kept in the folder `root`; it survives a SIGKILL and a new start.

    `images` maps the names that pods ask for to what stands for them; `token` is the administrator's bearer token;
    `certificate_life_s` is how long the certificates of `identity_kubeconfig` last, in seconds.
    """

    def __init__(
        self,
        root: Path,
        images: Mapping[str, Image],
        slots: int,
        token: str,
        settings: NodeSettings | None = None,
        *,
        certificate_life_s: float = TWENTY_YEARS_S,
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o700)  # volumes in it are open to every user of a pod
        self.settings = settings or NodeSettings()
        self.store = Store(root / "objects.sqlite")
        self.tls = Authority(root / "tls").ensure()
        self._certificate_life_s = certificate_life_s
        self.deleter = Collector(self.store)
        self._jobs = JobController(self.store, self.deleter, self.settings.backoff_scale)
        self._quotas = QuotaKeeper(self.store)
        self._node = Node(self.store, root, images, slots, self.settings)
        self.app: ASGIApp = create_app(self.store, self.deleter, root / "logs", token)

    async def start(self) -> None:
        """Clear up what a crash left, and run what waits."""
        await self._node.start()
        self.deleter.start()
        self._quotas.start()
        self._jobs.start()

    async def stop(self) -> None:
        """End every container and close the store. Pods that ran are Failed after the next start."""
        await self._jobs.stop()
        await self._quotas.stop()
        await self.deleter.stop()
        await self._node.stop()
        self.store.close()

    def identity_kubeconfig(self, server: str, common_name: str) -> str:
        """The kubeconfig of a user who is known by a client certificate; he may what RBAC allows `common_name`.

        `server` is an https URL. The certificate is made once and kept; one whose half life is over is followed by a
        new one. Raises ValueError for a name that no certificate can hold.
        """
        identity = self.tls.identity(common_name, self._certificate_life_s)
        return client_kubeconfig(server, self.tls.ca_pem(), identity)
