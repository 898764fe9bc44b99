"""The whole emulator in one process: settings in, a running cloud on one machine out.

The order of a start: serverless.yml with this machine's values; engines; migrations, topics and buckets; object store;
cluster; functions and their triggers; one request to show that the road is open. A stop runs backwards. Everything
that must outlive a crash is on disk before it counts, so a start after a SIGKILL is an ordinary start.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path

from starlette.types import ASGIApp

from emulator import cgroups, control, sandbox, toolchain
from emulator.agentimage import agent_image
from emulator.cos.server import create_app
from emulator.cos.store import Store
from emulator.credentials import Credentials
from emulator.custom import Custom
from emulator.engines import Engines, Progress
from emulator.health import wait_for
from emulator.kube.cluster import Cluster
from emulator.kube.errors import AlreadyExists
from emulator.kube.objects import new_namespace
from emulator.kube.tls import kubeconfig
from emulator.listen import Parser, Tls, serve
from emulator.ports import choose_ports
from emulator.scf import Declaration, Runtime, Scf, ScfSettings, load
from emulator.services.kafka import free_port
from emulator.settings import Settings
from emulator.state import State, remove_run_folder, run_folder, write_env, write_private
from emulator.variables import Places, function_variables, kafka_of_caller, shell_values

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
        self._urls: dict[str, str] = {}
        self._health: str | None = None
        self._engines: Engines | None = None

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
        return {
            "state": self._phase,
            "pid": os.getpid(),
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._began)),
            "root": str(self.settings.root),
            "urls": self._urls,
            "health": self._health,
            "services": [{"name": s.program.name, "pid": s.pid, "restarts": s.restarts} for s in services],
        }

    async def _start(self) -> None:
        server = await control.listen(self._run / "control.sock", self.status)
        self._parts.callback(server.close)
        await asyncio.to_thread(sandbox.check)
        if not await asyncio.to_thread(cgroups.available):
            self._progress("no control groups for this user: limits of memory and processes are not enforced")
        root = self.settings.root
        image = agent_image(self._tools, REPOSITORY, root / "agent")
        cluster = Cluster(root / "kube", {image.name: image}, self.settings.slots, self._state.kube_token)
        broker = kafka_of_caller(self.settings.environ)
        places = self._choose_places(cluster, broker)
        variables = function_variables(self.settings, places, self._state.api_key)
        declaration = load(self.settings.project / "serverless.yml", variables, {})
        custom = Custom.read(declaration.custom, self.settings.project)
        kafka_port = None if broker else self._state.ports["kafka"]
        self._engines = Engines(root, self._sockets, kafka_port, self._progress)
        await self._engines.start()
        self._parts.push_async_callback(self._engines.stop)
        await self._engines.fill(custom.migrations, custom.topics, places.kafka)
        await self._start_platform(cluster, declaration, custom, self._scf(declaration, places))
        self._state.save(root)  # with the ports of further URLs
        self._write_shell_files(declaration, custom, cluster, places)
        self._phase = "up"

    def _choose_places(self, cluster: Cluster, broker: str | None) -> Places:
        """Decide on every port before anything listens: the functions' variables hold them all."""
        self._state.ports = choose_ports(self.settings.ports, self._state.ports)
        self._state.save(self.settings.root)
        return Places(
            cos_port=self._state.ports["cos"],
            kube_server=f"https://127.0.0.1:{self._state.ports['kube']}",
            kube_token=self._state.kube_token,
            kube_ca_pem=cluster.tls.ca_pem(),
            kafka=broker or f"127.0.0.1:{self._state.ports['kafka']}",
        )

    def _scf(self, declaration: Declaration, places: Places) -> Scf:
        return Scf(
            declaration,
            project=self.settings.project,
            root=self.settings.root / "scf",
            runtime=Runtime(self._tools.runtime_python, self._layers(declaration)),
            role=self._credentials.role,
            kafka_bootstrap=places.kafka,
            sockets=self._sockets,
            settings=ScfSettings(
                retry_delay_s=self.settings.retry_delay_s,
                ckafka_retry_delay_s=self.settings.ckafka_retry_delay_s,
                ckafka_wait_s=self.settings.ckafka_wait_s,
                idle_s=self.settings.idle_s,
                max_instances=self.settings.max_instances,
            ),
        )

    def _layers(self, declaration: Declaration) -> dict[str, Path]:
        """Layers as they are unpacked: one with requirements was built by set-up, any other is a folder of the tree."""
        places = {name: self.settings.project / layer.path for name, layer in declaration.layers.items()}
        built = {name for name, place in places.items() if (place / "requirements.txt").exists()}
        return {name: self._tools.vendor_layer if name in built else place for name, place in places.items()}

    async def _start_platform(self, cluster: Cluster, declaration: Declaration, custom: Custom, scf: Scf) -> None:
        """Functions may be called by what a crash left in the queues, pods may report at once: the API they need first.

        A part's `stop` may be called before its `start`, so each is noted before anything can fail.
        """
        await self._serve("kube", cluster.app, cluster.tls.server)
        self._parts.push_async_callback(cluster.stop)
        self._parts.push_async_callback(scf.stop)
        await scf.start()
        store = Store(self.settings.root / "cos")
        self._parts.callback(store.close)
        for bucket in custom.buckets:
            store.create_bucket(bucket)
        app = create_app(store, self._credentials, scf.on_object_event, declaration.region)
        await self._serve("cos", app, http="h11")  # the SDK looks headers up as COS spells them
        await cluster.start()
        if custom.namespace:
            with contextlib.suppress(AlreadyExists):
                cluster.store.create(new_namespace(custom.namespace))
        for number, name in enumerate(declaration.http_functions):
            await self._serve(f"url-{name}" if number else "url", await scf.url_app(name))
        if custom.health and "url" in self._urls:
            self._health = self._urls["url"] + custom.health
            await wait_for(self._health)
            self._progress(f"{self._health}: answers")

    async def _serve(self, name: str, app: ASGIApp, tls: Tls | None = None, http: Parser = "httptools") -> str:
        """Listen on the port that is remembered for `name`; returns the URL."""
        port = self._state.ports.setdefault(name, free_port())  # a further URL gets its own the first time
        listener = await serve(app, port=port, tls=tls, http=http)
        self._parts.push_async_callback(listener.close)
        self._urls[name] = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        return self._urls[name]

    def _write_shell_files(self, declaration: Declaration, custom: Custom, cluster: Cluster, places: Places) -> None:
        root = self.settings.root
        write_private(root / "kubeconfig", kubeconfig(places.kube_server, cluster.tls.ca_pem(), places.kube_token))
        cos = {
            "COS_REGION": declaration.region,
            "COS_SECRET_ID": self._credentials.user.secret_id,
            "COS_SECRET_KEY": self._credentials.user.secret_key,
            "COS_CODE_BUCKET": custom.code_bucket or "",
            "COS_LOGS_BUCKET": custom.logs_bucket or "",
        }
        values = shell_values(
            places, self._urls.get("url", ""), self._state.api_key, root / "kubeconfig", cos, self._sockets
        )
        write_env(root / "env", values, self._tools.python.parent)
