"""Dashboards of CLS: kept with their data, which the console draws (https://cloud.tencent.com/document/api/614/127511).

The API takes the data as it comes. What the console understands is written down nowhere but in the vendor's own code
(npm tencent-component-toolkit, lib/modules/cls/dashboard: panels with id, title, gridPos, type and target), and that is
checked.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emulator.api.action import ApiError, Call, Params
from emulator.api.clsfields import filtered, given_tags, name_of, page, tag_list
from emulator.api.fields import local_time, refuse
from emulator.documents import Document, Documents

DASHBOARDS = "cls-dashboard"
CHARTS = {"table", "graph", "bar", "stat", "gauge", "pie", "sankey", "map", "tMap", "row", "add-panel"}


class Dashboards:
    """The handlers of dashboards."""

    def __init__(self, documents: Documents, clock: Callable[[], float] = time.time) -> None:
        self._documents, self._clock = documents, clock

    @property
    def handlers(self) -> Mapping[str, Callable[[Call, Params], Awaitable[Params]]]:
        return {
            "CreateDashboard": self._create,
            "DescribeDashboards": self._describe,
            "ModifyDashboard": self._modify,
            "DeleteDashboard": self._delete,
        }

    async def _create(self, call: Call, params: Params) -> Params:
        board: Document = {"id": f"dashboard-{uuid.uuid4()}", "created": local_time(self._clock()), "tags": {}}
        self._keep(board, params)
        return {"DashboardId": board["id"]}

    async def _describe(self, call: Call, params: Params) -> Params:
        refuse(params, "TopicIdRegionFilter")
        boards = list(self._documents.all(DASHBOARDS).values())
        found = filtered(boards, params, {"dashboardId": "id", "dashboardName": "name"}, {"dashboardName"})
        return {"TotalCount": len(found), "DashboardInfos": [_info(board) for board in page(found, params)]}

    async def _modify(self, call: Call, params: Params) -> Params:
        self._keep(self._board(params), params)
        return {}

    async def _delete(self, call: Call, params: Params) -> Params:
        self._documents.delete(DASHBOARDS, self._board(params)["id"])
        return {}

    def _keep(self, board: Document, params: Params) -> None:
        if "DashboardName" in params:
            board["name"] = name_of(params, "DashboardName")
            others = self._documents.all(DASHBOARDS).values()
            if any(each["name"] == board["name"] and each["id"] != board["id"] for each in others):
                raise ApiError("InvalidParameter.DashboardNameConflict", f"There is a dashboard {board['name']}.")
        board["data"] = params.get("Data", board.get("data", "{}"))
        _check(board["data"])
        board["tags"] = given_tags(params["Tags"]) if "Tags" in params else board["tags"]
        board["updated"] = local_time(self._clock())
        self._documents.put(DASHBOARDS, board["id"], board)

    def _board(self, params: Params) -> Document:
        board = self._documents.get(DASHBOARDS, params["DashboardId"])
        if board is None:
            raise ApiError("ResourceNotFound.DashboardRecordNotExist", f"There is no {params['DashboardId']}.")
        return board


def _check(data: str) -> None:
    try:
        panels = json.loads(data).get("panels", [])
        for panel in panels:
            _check_panel(panel)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ApiError("InvalidParameter", f"`Data` is no dashboard: {type(error).__name__} {error}") from None


def _check_panel(panel: dict[str, Any]) -> None:
    place, target = panel["gridPos"], panel["target"]
    if panel["type"] not in CHARTS:
        raise ValueError(f"there is no chart {panel['type']}")
    if not (panel["id"] and panel["title"] and target["Query"] and target["TopicId"] and target["LogsetId"]):
        raise ValueError("id, title, Query, TopicId and LogsetId must not be empty")
    if not all(isinstance(place[key], int) for key in "xywh") or not isinstance(target["RegionId"], int):
        raise ValueError("gridPos and RegionId are numbers")


def _info(board: Document) -> Params:
    return {
        "DashboardId": board["id"],
        "DashboardName": board["name"],
        "Data": board["data"],
        "CreateTime": board["created"],
        "UpdateTime": board["updated"],
        "Tags": tag_list(board),
    }
