"""The whole emulator in one process: settings in, a cloud on one machine out that things can be deployed to.

The order of a start: engines; Kubernetes, the API and the object store; functions that were deployed before, and their
triggers; the cluster's node. A stop runs backwards. Everything that must outlive a crash is on disk before it counts,
so a start after a SIGKILL is an ordinary start.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from starlette.types import ASGIApp

from emulator import cgroups, control, sandbox, toolchain
from emulator.account import Account
from emulator.agentimage import agent_image
from emulator.api.faults import Faults
from emulator.api.logstore import LogStore
from emulator.api.tke import ClusterAccess
from emulator.cos import lifecycle
from emulator.cos.server import create_app
from emulator.cos.store import Store
from emulator.credentials import Credentials
from emulator.documents import Documents
from emulator.engines import Engines, Progress
from emulator.kube.cluster import Cluster
from emulator.kube.tls import kubeconfig
from emulator.listen import Listener, Parser, Tls, serve
from emulator.platform import (
    APP_ID,
    CLUSTER,
    FAULTS,
    KAFKA_INSTANCE,
    REGION,
    UIN,
    VPC,
    Neighbours,
    api_app,
    kept_topics,
)
from emulator.ports import choose_ports
from emulator.scf import Scf, ScfSettings
from emulator.services.kafka import Topics, free_port
from emulator.settings import Settings
from emulator.state import State, remove_run_folder, run_folder, write_env, write_private
from emulator.urls import Urls
from emulator.variables import Places, deployment_values, kafka_of_caller, shell_values

REPOSITORY = Path(__file__).resolve().parents[1]


class Supervisor:
    """Starts the parts in order, knows where they answer, stops them backwards."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.settings, self._progress = settings, progress
        self._tools = toolchain.load(REPOSITORY)
        settings.root.mkdir(parents=True, exist_ok=True)
        self._state = State.load(settings.root)
        self._run = run_folder(settings.root, self._state)
        self._sockets = self._run / "services"
        self._state.save(settings.root)
        self._credentials = Credentials(settings.root / "credentials.json")
        self._parts = AsyncExitStack()
        self._phase, self._began = "starting", time.time()
        self._listening: dict[str, str] = {}
        self._functions = Urls(self._state, self._listen_for_url, self._write_env)
        self._engines: Engines | None = None
        self._places: Places | None = None

    async def start(self) -> None:
        """Return when everything answers and `<root>/env` is written. On an error nothing is left running."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop every part that runs, last started first."""
        self._phase = "stopping"
        await self._parts.aclose()
        remove_run_folder(self._state)

    def status(self) -> control.Status:
        """What `status` shows."""
        services = self._engines.services if self._engines else []
        addresses = {f"url {url_id}": address for url_id, address in self._functions.addresses.items()}
        return {
            "state": self._phase,
            "pid": os.getpid(),
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._began)),
            "root": str(self.settings.root),
            "urls": {**self._listening, **addresses},
            "services": [{"name": s.program.name, "pid": s.pid, "restarts": s.restarts} for s in services],
        }

    async def _start(self) -> None:
        server = await control.listen(self._run / "control.sock", self.status)
        self._parts.callback(server.close)
        await asyncio.to_thread(sandbox.check)
        if not await asyncio.to_thread(cgroups.available):
            self._progress("no control groups for this user: limits of memory and processes are not enforced")
        root = self.settings.root
        documents = Documents(root / "platform.sqlite")
        self._parts.callback(documents.close)
        broker = kafka_of_caller(self.settings.environ)
        self._places = places = self._choose_places(broker)
        topics = kept_topics(documents)
        await self._start_engines(None if broker else self._state.ports["kafka"], topics)
        await self._start_platform(documents, places, Topics(places.kafka, topics))
        self._state.save(root)  # with the ports of further URLs
        self._write_shell_files(places)
        self._phase = "up"

    def _choose_places(self, broker: str | None) -> Places:
        """Decide on every port before anything listens: what is deployed holds them all."""
        ports = self._state.ports = choose_ports(self.settings.ports, self._state.ports)
        self._state.save(self.settings.root)
        return Places(ports["api"], ports["cos"], ports["kube"], broker or f"127.0.0.1:{ports['kafka']}")

    async def _start_engines(self, kafka_port: int | None, topics: dict[str, int]) -> None:
        self._engines = Engines(self.settings.root, self._sockets, kafka_port, topics, self._progress)
        await self._engines.start()
        self._parts.push_async_callback(self._engines.stop)
        await self._engines.fill()

    async def _start_platform(self, documents: Documents, places: Places, topics: Topics) -> None:
        """Functions may be called by what a crash left in the queues, pods may report at once: the API they need first.

        A part's `stop` may be called before its `start`, so each is noted before anything can fail.
        """
        root = self.settings.root
        await asyncio.to_thread(topics.restore)
        account = Account(documents, self._credentials.user, app_id=APP_ID, uin=UIN)
        image = agent_image(self._tools, REPOSITORY, root / "agent")
        cluster = Cluster(root / "kube", {image.name: image}, self.settings.slots, self._state.kube_token)
        self._kubeconfig = kubeconfig(places.kube_server, cluster.tls.ca_pem(), self._state.kube_token)
        await self._serve("kube", cluster.app, cluster.tls.server)
        self._parts.push_async_callback(cluster.stop)
        store, logs = Store(root / "cos"), LogStore(root / "logs.sqlite")
        self._parts.callback(store.close)
        self._parts.callback(logs.close)
        scf = self._scf(documents, account, store, logs, places)
        self._parts.push_async_callback(self._functions.stop)
        self._parts.push_async_callback(scf.stop)
        access = ClusterAccess(
            places.kube_server,
            lambda: self._kubeconfig,
            partial(cluster.identity_kubeconfig, places.kube_server),
            VPC,
        )
        neighbours = Neighbours(places.kafka, topics, {CLUSTER: access}, logs)
        api = api_app(documents, account, scf, neighbours, faults=Faults(file=root / FAULTS))
        await self._serve("api", api)
        app = create_app(store, account, scf.on_object_event, REGION)
        await self._serve("cos", app, http="h11")  # the SDK looks headers up as COS spells them
        await asyncio.to_thread(lifecycle.expire, store, int(time.time() * 1000))
        await scf.start()
        await cluster.start()

    def _scf(self, documents: Documents, account: Account, store: Store, logs: LogStore, places: Places) -> Scf:
        settings = self.settings
        return Scf(
            documents=documents,
            root=settings.root / "scf",
            python=self._tools.runtime_python,
            account=account,
            kafka={KAFKA_INSTANCE: places.kafka},
            sockets=self._sockets,
            settings=ScfSettings(
                retry_delay_s=settings.retry_delay_s,
                ckafka_retry_delay_s=settings.ckafka_retry_delay_s,
                ckafka_wait_s=settings.ckafka_wait_s,
                idle_s=settings.idle_s,
                max_instances=settings.max_instances,
            ),
            region=REGION,
            app_id=APP_ID,
            uin=UIN,
            urls=self._functions,
            read_object=store.path,
            log_sink=logs.put,
        )

    async def _serve(self, name: str, app: ASGIApp, tls: Tls | None = None, http: Parser = "httptools") -> None:
        """Listen on the port that is remembered for `name`."""
        listener = await serve(app, port=self._state.ports[name], tls=tls, http=http)
        self._parts.push_async_callback(listener.close)
        self._listening[name] = f"{'https' if tls else 'http'}://127.0.0.1:{listener.port}"

    async def _listen_for_url(self, app: ASGIApp, name: str) -> tuple[Listener, int]:
        """A Function URL gets a port of its own the first time, and then always that one."""
        port = self._state.ports.setdefault(name, free_port())
        listener = await serve(app, port=port)
        self._state.save(self.settings.root)
        return listener, port

    def _write_shell_files(self, places: Places) -> None:
        root = self.settings.root
        write_private(root / "kubeconfig", self._kubeconfig)
        owner, target = self._credentials.user, self._tools.package_target
        values = deployment_values(self.settings, places, owner, self._state.api_key, target)
        write_env(root / "deploy.env", values)
        self._write_env()

    def _write_env(self) -> None:
        """Again whenever a Function URL comes or goes."""
        if self._places is None:
            return
        values = shell_values(
            self._places,
            self._functions.first,
            self._state.api_key,
            self.settings.root,
            self._credentials.user,
            REGION,
            APP_ID,
            self._sockets,
        )
        write_env(self.settings.root / "env", values, self._tools.python.parent)
