"""GET /v1/me: whose key it is, and what this installation offers."""

from __future__ import annotations

import falcon

from patchmill import VERSION
from submit.resources import Resource, answer, key_of


class Me(Resource):
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        key, settings = key_of(request), self.services.settings
        value = {
            "tenant": key.tenant,
            "admin": key.admin,
            "agents": list(settings.agents),
            "default_agent": settings.default_agent,
            "default_model": settings.model_name,
            "limits": {
                "timeout_s": settings.task_timeout_s,
                "max_timeout_s": settings.max_timeout_s,
                "max_steps": settings.max_steps,
                "max_zip_bytes": settings.max_zip_bytes,
            },
            "version": VERSION,
        }
        answer(request, response, value)
