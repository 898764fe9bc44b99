"""What can be set about the cluster's node and controllers: limits, and the delays that tests shorten."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from emulator.kube.quantities import parse


@dataclass(frozen=True)
class NodeSettings:
    """All times in seconds, all sizes in bytes."""

    name: str = "patchmill-local"
    ip: str = "127.0.0.1"
    """Containers share the machine's network, so this is every pod's address too."""

    cpus: int = field(default_factory=lambda: os.cpu_count() or 1)
    memory: int = field(default_factory=lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    """What a single pod may request at most. Pods are not summed up: the slots alone say how many run at once."""

    pids: int = 1024
    """Processes and threads of one container, like the kubelet's podPidsLimit."""

    log_limit: int = 256 << 20
    """Output of one container that is kept. The kubelet rotates instead; here byte offsets stay true."""

    backoff_scale: float = 1.0
    """Factor on the back-off delays of Kubernetes (10 s, 20 s, … for pods of a Job and for container restarts)."""

    config_retry: float = 1.0
    """Between two tries to create a container whose Secret is missing."""

    image_retry: float = 1.0
    """From ErrImagePull to ImagePullBackOff."""

    disk_period: float = 1.0
    """Between two measurements of a pod's files; longer when measuring itself takes long."""

    def prefix(self, root: Path) -> str:
        """Begins the names of the control groups of the cluster at `root`, and of no other one on this machine."""
        return f"pm-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:10]}-"

    def obstacle(self, requests: dict[str, object]) -> str | None:
        """Why a pod that requests so much never fits on the node, in the scheduler's words; None when it does."""
        for name, limit in (("cpu", self.cpus), ("memory", self.memory)):
            if name in requests and parse(str(requests[name])) > limit:
                return f"Insufficient {name}"
        return None
