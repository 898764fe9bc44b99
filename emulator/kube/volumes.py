"""The pods' emptyDir volumes and logs on disk: made before the first container, measured while it runs, then removed.

Layout: `<pods>/<pod uid>/<volume>/` and `<logs>/<pod uid>/<container>.log`. Sizes are measured by `du`, which walks
trees of any depth, and told in the kubelet's words (kubernetes pkg/kubelet/eviction/eviction_manager.go).
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from pathlib import Path

from emulator.kube.quantities import parse
from emulator.kube.store import Obj
from emulator.sandbox import Mount


class Volumes:
    """Disk space of the pods of one node."""

    def __init__(self, pods: Path, logs: Path) -> None:
        self._pods, self._logs = pods, logs

    def prepare(self, pod: Obj) -> None:
        """Make the pod's volumes, empty and open to every user of the pod."""
        for volume in pod["spec"].get("volumes", ()):
            folder = self.folder(pod, volume["name"])
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)

    def mounts(self, pod: Obj, container: Obj) -> tuple[Mount, ...]:
        """What the container sees of the pod's volumes; outer paths first, so that one can lie inside another."""
        listed = sorted(container.get("volumeMounts", ()), key=lambda mount: str(mount["mountPath"]))
        return tuple(
            Mount(self.folder(pod, mount["name"]), mount["mountPath"], bool(mount.get("readOnly"))) for mount in listed
        )

    def folder(self, pod: Obj, volume: str) -> Path:
        return self._pods / str(pod["metadata"]["uid"]) / volume

    def log(self, pod: Obj, container: str) -> Path:
        return self._logs / str(pod["metadata"]["uid"]) / f"{container}.log"

    async def excess(self, pod: Obj) -> str | None:
        """Which limit the pod's files exceed, as the eviction's message, or None."""
        sizes = await self._sizes(pod)
        for name, limit in _volume_limits(pod):
            if sizes.get(self.folder(pod, name), 0) > parse(limit):
                return f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". '
        containers = pod["spec"]["containers"]
        for container in (*pod["spec"].get("initContainers", ()), *containers):
            allowed = _storage_limit(container)
            if allowed and sizes.get(self.log(pod, container["name"]), 0) > parse(allowed):
                return f'Container {container["name"]} exceeded its local ephemeral storage limit "{allowed}". '
        limits = [_storage_limit(container) for container in containers]
        inits = [_storage_limit(container) for container in pod["spec"].get("initContainers", ())]
        if all(limits):
            # As the scheduler sums: the containers together, or one init container that is allowed more.
            total = max(sum(parse(limit) for limit in limits if limit), *(parse(limit) for limit in inits if limit), 0)
            if sum(sizes.values()) > total:
                return f"Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
        return None

    async def remove(self, uid: str) -> None:
        """Remove the pod's volumes; the logs stay as long as the pod can be asked for them."""
        await _remove(self._pods / uid)

    async def remove_logs(self, uid: str) -> None:
        await _remove(self._logs / uid)

    def known(self) -> set[str]:
        """The uids of pods that have something on disk."""
        return {path.name for root in (self._pods, self._logs) if root.is_dir() for path in root.iterdir()}

    async def _sizes(self, pod: Obj) -> dict[Path, int]:
        paths = [self.folder(pod, volume["name"]) for volume in pod["spec"].get("volumes", ())]
        names = [c["name"] for c in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"])]
        paths += [path for name in names if (path := self.log(pod, name)).exists()]
        if not paths:
            return {}
        # Files come and go under du's feet: what it could count, it prints, whatever its exit code says.
        args = ("-s", "-x", "--block-size=1", "-0", "--", *map(str, paths))
        process = await asyncio.create_subprocess_exec("du", *args, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
        out, _ = await process.communicate()
        rows = [row.split("\t", 1) for row in out.decode(errors="surrogateescape").split("\0") if row]
        return {Path(path): int(size) for size, path in rows}


def _volume_limits(pod: Obj) -> Iterator[tuple[str, str]]:
    for volume in pod["spec"].get("volumes", ()):
        if limit := volume["emptyDir"].get("sizeLimit"):
            yield volume["name"], str(limit)


def _storage_limit(container: Obj) -> str | None:
    limit = container.get("resources", {}).get("limits", {}).get("ephemeral-storage")
    return None if limit is None else str(limit)


async def _remove(folder: Path) -> None:
    """Remove a tree that may be as deep and as locked as its makers liked."""
    for argv in (["rm"], ["chmod", "-R", "u+rwX"], ["rm"]):
        options = ["-rf"] if argv == ["rm"] else []
        process = await asyncio.create_subprocess_exec(
            *argv, *options, "--", str(folder), stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
        )
        if await process.wait() == 0 and argv == ["rm"]:
            return
