"""The dashboard in CLS over the functions' log topic, drawn by Tencent's console.

In: the charts in deployer/observability/dashboard.yml. Out: one dashboard <service>-<stage>, marked by tags. The form
of its data is that of the vendor's own tool (npm tencent-component-toolkit 2.27.6, lib/modules/cls/dashboard).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from deployer.context import Context
from deployer.errors import CloudError, missing
from deployer.kinds._observed import Chart, charts
from deployer.kinds.logs import TOPIC
from deployer.kinds.marks import is_ours, tag_list
from deployer.model import Change, Foreign, Resource, Step

Document = dict[str, Any]

NAME = "operations"
_PAGE = 100  # the most that DescribeDashboards gives at once
_WIDTH, _HEIGHT = 12, 8  # of a chart, in a grid of 24 columns
# The numbers that dashboards know regions by: the text of DescribeDashboardsRequest.TopicIdRegionFilter in the SDK.
_REGIONS = {
    "ap-guangzhou": 1, "ap-shanghai": 4, "ap-hongkong": 5, "ap-shanghai-fsi": 7, "ap-beijing": 8, "ap-singapore": 9,
    "ap-shenzhen-fsi": 11, "na-siliconvalley": 15, "ap-chengdu": 16, "eu-frankfurt": 17, "ap-seoul": 18,
    "ap-chongqing": 19, "na-ashburn": 22, "ap-bangkok": 23, "ap-tokyo": 25, "ap-nanjing": 33, "ap-tianjin": 36,
    "ap-taipei": 39, "ap-beijing-fsi": 46, "ap-jakarta": 72, "sa-saopaulo": 74,
}  # fmt: skip


@dataclass(frozen=True)
class Want:
    title: str
    charts: tuple[Chart, ...]


class DashboardKind:
    """One dashboard."""

    kind = "dashboard"

    def __init__(self, context: Context) -> None:
        self._context, self._declaration = context, context.declaration

    def resources(self) -> list[Resource]:
        read = charts(self._declaration)
        if read is None:
            return []
        if self._declaration.region not in _REGIONS:
            self._context.notes.append(f"no dashboard: CLS has no number for region {self._declaration.region}")
            return []
        return [Resource(self.kind, NAME, Want(read[0], tuple(read[1])))]

    def compare(self, resource: Resource) -> Step | None:
        found = self._dashboard()
        if found is None:
            return Step("create", resource)
        changes = _changes(_panels_of(found), self._panels(resource.want))
        return Step("update", resource, changes) if changes else None

    def orphans(self) -> list[Resource]:
        if self.resources():
            return []
        return [Resource(self.kind, NAME, None) for each in self._named() if self._is_ours(each)][:1]

    def apply(self, step: Step) -> None:
        data = json.dumps({"panels": self._panels(step.resource.want)}, ensure_ascii=False)
        found = self._dashboard()
        if found is not None:
            self._call("ModifyDashboard", DashboardId=found["DashboardId"], DashboardName=self._name, Data=data)
            return
        try:
            self._call("CreateDashboard", DashboardName=self._name, Data=data, Tags=tag_list(self._declaration))
        except CloudError:  # it may have been made all the same, by this try or by one before
            if self._dashboard() is None:
                raise
        self._context.wait(f"Dashboard {self._name}", lambda: self._dashboard() is not None)

    def delete(self, resource: Resource) -> None:
        for found in self._named():
            if self._is_ours(found):
                try:
                    self._call("DeleteDashboard", DashboardId=found["DashboardId"])
                except CloudError as error:
                    if not missing(error):
                        raise

    @property
    def _name(self) -> str:
        return self._declaration.namespace

    def _panels(self, want: Want) -> list[Document]:
        return [self._panel(number, chart) for number, chart in enumerate(want.charts)]

    def _panel(self, number: int, chart: Chart) -> Document:
        facts = self._context.facts
        place = {"x": number % 2 * _WIDTH, "y": number // 2 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
        target = {
            "RegionId": _REGIONS[self._declaration.region],
            "LogsetId": facts.get(f"logs/{TOPIC}.logset"),
            "TopicId": facts.get(f"logs/{TOPIC}.topic"),
            "Query": chart.query,
            "ChartAxis": {"xAxisKey": chart.x, "yAxisKey": chart.y, "aggregateKey": chart.by},
        }
        key = re.sub(r"[^a-z0-9]+", "-", chart.title.lower()).strip("-")
        return {"id": f"chart-{key}", "title": chart.title, "type": chart.type, "gridPos": place, "target": target}

    def _dashboard(self) -> Document | None:
        """Raises Foreign when one of that name is there and not ours."""
        same = self._named()
        ours = next((each for each in same if self._is_ours(each)), None)
        if same and ours is None:
            raise Foreign(
                f"The CLS dashboard {self._name} is there and was not made by patchmill-deploy for this service and "
                "stage. Rename or remove it, or choose another service or stage name."
            )
        return ours

    def _is_ours(self, found: Document) -> bool:
        return is_ours(found.get("Tags"), self._declaration)

    def _named(self) -> list[Document]:
        """The filter finds names that only contain the one that is asked for, too."""
        found: list[Document] = []
        filters = [{"Key": "dashboardName", "Values": [self._name]}]
        while True:
            answer = self._call("DescribeDashboards", Filters=filters, Offset=len(found), Limit=_PAGE)
            page = answer.get("DashboardInfos") or []
            found += page
            if not page or len(found) >= int(answer.get("TotalCount") or 0):
                return [each for each in found if each["DashboardName"] == self._name]

    def _call(self, action: str, **params: Any) -> Document:
        return self._context.cloud.call("cls", action, **params)


def _panels_of(found: Document) -> list[Document]:
    try:
        data = json.loads(found.get("Data") or "{}")
        return [panel for panel in data.get("panels") or [] if isinstance(panel, dict)]
    except (ValueError, AttributeError):
        return []


def _changes(before: list[Document], after: list[Document]) -> tuple[Change, ...]:
    """By chart. What the console has added to a chart is left out of account; a write takes it away."""
    there, wanted = ({str(each.get("id")): each for each in panels} for panels in (before, after))
    changes = [
        Change(panel["title"], "another" if key in there else "", "as declared")
        for key, panel in wanted.items()
        if not _within(panel, there.get(key))
    ]
    return (*changes, *(Change(str(there[key].get("title")), "there", "") for key in there if key not in wanted))


def _within(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_within(value, found.get(key)) for key, value in wanted.items())
    return bool(wanted == found)
