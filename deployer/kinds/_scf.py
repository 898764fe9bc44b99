"""Reading SCF: every list whole, each only once in a plan, and the words for its states.

In: the Context. Out: what is there, as the API tells it; None or empty where it is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deployer.context import Context, DeployError
from deployer.errors import CloudError, missing

DEFAULT = "$DEFAULT"
LATEST = "$LATEST"
PAGE = 20
"""Elements a page: the API's own default, which every list of SCF takes."""
BUSY = {"Creating", "Updating", "Publishing", "Deleting"}
"""https://cloud.tencent.com/document/api/583/115197; what ends in Failed stays so until it is changed."""

Document = dict[str, Any]


class Scf:
    """One per Context (`scf(context)`): what was read stays known until `forget`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.namespace = context.declaration.namespace
        self.replaced: set[str] = set()
        """Functions that this plan deletes and makes anew: what hangs on them counts as gone."""
        self._known: dict[tuple[str, ...], Any] = {}

    def forget(self) -> None:
        """What is read from here on is asked for anew."""
        self._known.clear()
        self.replaced.clear()

    def call(self, action: str, **params: Any) -> Document:
        """An action on the stage's namespace; forgets what was read."""
        self.forget()
        return self._context.cloud.call("scf", action, Namespace=self.namespace, **params)

    def call_global(self, action: str, **params: Any) -> Document:
        """An action that knows no namespace or names its own; forgets what was read."""
        self.forget()
        return self._context.cloud.call("scf", action, **params)

    def namespaces(self) -> dict[str, Document]:
        """By name."""
        listed = self._once(("namespaces",), lambda: self._pages("ListNamespaces", "Namespaces"))
        return {each["Name"]: each for each in listed}

    def functions(self) -> dict[str, Document]:
        """What ListFunctions tells of the stage's namespace, by name: tags, state, reserved memory."""
        if self.namespace not in self.namespaces():
            return {}
        listed = self._once(
            ("functions",), lambda: self._pages("ListFunctions", "Functions", Namespace=self.namespace) or []
        )
        return {each["FunctionName"]: each for each in listed}

    def function(self, name: str, version: str = LATEST) -> Document | None:
        """GetFunction."""
        if name not in self.functions():
            return None
        return self._maybe("GetFunction", FunctionName=name, Namespace=self.namespace, Qualifier=version)

    def versions(self, name: str) -> list[Document]:
        """The published versions, oldest first; not $LATEST."""
        if name not in self.functions() or name in self.replaced:
            return []
        listed: list[Document] = self._once(
            ("versions", name),
            lambda: self._pages("ListVersionByFunction", "Versions", FunctionName=name, Namespace=self.namespace),
        )
        return sorted((each for each in listed if each["Version"].isdigit()), key=lambda each: int(each["Version"]))

    def alias(self, name: str) -> Document | None:
        """$DEFAULT: which version gets the function's traffic. The platform makes it with the function."""
        if name not in self.functions() or name in self.replaced:
            return None
        return self._maybe("GetAlias", FunctionName=name, Namespace=self.namespace, Name=DEFAULT)

    def triggers(self, name: str) -> list[Document]:
        if name not in self.functions() or name in self.replaced:
            return []
        found: list[Document] = self._once(
            ("triggers", name),
            lambda: self._pages("ListTriggers", "Triggers", FunctionName=name, Namespace=self.namespace),
        )
        return found

    def layers(self, prefix: str) -> list[str]:
        """Names of the layers that start with `prefix`."""
        listed = self._once(("layers", prefix), lambda: self._pages("ListLayers", "Layers", SearchKey=prefix))
        return sorted({each["LayerName"] for each in listed if each["LayerName"].startswith(prefix)})

    def layer_versions(self, layer: str) -> list[Document]:
        """All but the deleted ones, oldest first."""
        answer = self._maybe("ListLayerVersions", LayerName=layer) or {}
        listed = [each for each in answer.get("LayerVersions") or [] if each["Status"] not in ("Deleted", "Deleting")]
        return sorted(listed, key=lambda each: int(each["LayerVersion"]))

    def settle(self, name: str) -> Document | None:
        """Wait until the function is neither being made nor changed; None: it is not there."""
        found: Document | None = None

        def ready() -> bool:
            nonlocal found
            self.forget()
            found = self._maybe("GetFunction", FunctionName=name, Namespace=self.namespace, Qualifier=LATEST)
            return found is None or found["Status"] not in BUSY

        self._context.wait(f"Function {name}", ready)
        return found

    def _pages(self, action: str, field: str, **params: Any) -> list[Document]:
        items: list[Document] = []
        while True:
            answer = self._context.cloud.call("scf", action, Offset=len(items), Limit=PAGE, **params)
            page = answer.get(field) or []
            items += page
            if not page or len(items) >= int(answer.get("TotalCount") or 0):
                return items

    def _maybe(self, action: str, **params: Any) -> Document | None:
        def ask() -> Document | None:
            try:
                return self._context.cloud.call("scf", action, **params)
            except CloudError as error:
                if missing(error):
                    return None
                raise

        found: Document | None = self._once((action, *map(str, params.values())), ask)
        return found

    def _once(self, key: tuple[str, ...], ask: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = ask()
        return self._known[key]


def scf(context: Context) -> Scf:
    """The context's one reader."""
    reader: Scf = context.cache.setdefault("scf", Scf(context))
    return reader


def failed(found: Document, name: str) -> DeployError | None:
    """The error to raise if the function is in a *Failed state, with the platform's own reasons."""
    status = str(found["Status"])
    if not status.endswith("Failed"):
        return None
    reasons = [str(each.get("ErrorMessage") or "") for each in found.get("StatusReasons") or []]
    told = "; ".join(text for text in [str(found.get("StatusDesc") or ""), *reasons] if text)
    return DeployError(f"Function {name} is in the state {status}: {told or 'the platform gives no reason'}.")
