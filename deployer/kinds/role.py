"""CAM roles, each with one policy of exactly its permissions: one role per function, and the declared ones.

In: the declaration, which gives permissions and secrets. Out: roles that can be taken; the facts role/<key>.arn, .id
and, for roles that read a kubeconfig, .user: the name that the cluster knows them by.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from deployer import permissions
from deployer.context import Context, DeployError
from deployer.errors import CloudError, missing
from deployer.kinds._cam import Cam
from deployer.kinds.marks import is_ours, mark_text, tag_list
from deployer.model import Change, Foreign, Resource, Step

Document = dict[str, Any]
NEW_USER_S = 20.0


@dataclass(frozen=True)
class Want:
    """`name` is role's and policy's in the cloud; `session_s` None: as long as the platform likes."""

    name: str
    description: str
    trust: Document
    policy: Document | None
    """None: the role alone, which may do nothing."""
    session_s: int | None
    in_cluster: bool
    """It fetches a kubeconfig, so the cluster has a user for it."""


class RoleKind:
    """Roles and policies are marked by tags; a policy in its description too."""

    kind = "role"

    def __init__(self, context: Context) -> None:
        self._context, self._declaration = context, context.declaration
        self._cam = Cam(context)

    def resources(self) -> list[Resource]:
        declared = self._declaration
        functions = {
            name: Want(
                declared.name(name),
                f"Run role of the function {name}",
                permissions.function_trust(),
                permissions.function_policy(declared, function),
                None,
                permissions.reads_kubeconfig(function.permissions),
            )
            for name, function in declared.functions.items()
        }
        others = {
            name: Want(
                declared.name(name),
                role.description,
                permissions.account_trust(declared.account.uin),
                permissions.role_policy(role),
                role.session_s,
                permissions.reads_kubeconfig(role.permissions),
            )
            for name, role in declared.roles.items()
        }
        return [Resource(self.kind, name, want) for name, want in {**functions, **others}.items()]

    def compare(self, resource: Resource) -> Step | None:
        want: Want = resource.want
        role, policy = self._role(want.name), self._policy(want.name)
        if role is None and policy is None:
            return Step("create", resource)
        if role is None:  # the trace of a destroy that was killed
            return Step("update", resource, (Change("role", "", want.name),))
        self._learn(resource, role)
        changes = (*self._role_changes(want, role), *self._policy_changes(want, policy))
        return Step("update", resource, changes) if changes else None

    def orphans(self) -> list[Resource]:
        """Also policies whose role is gone already."""
        prefix = self._declaration.name("")
        wanted = {resource.want.name for resource in self.resources()}
        ours = {
            name
            for found in (self._cam.roles(prefix), self._cam.policy_tags(prefix))
            for name, tags in found.items()
            if name not in wanted and is_ours(tags, self._declaration)
        }
        return [Resource(self.kind, name.removeprefix(prefix), None) for name in sorted(ours)]

    def apply(self, step: Step) -> None:
        want: Want = step.resource.want
        role = self._role(want.name) or self._create_role(want)
        for change in self._role_changes(want, role):
            self._change_role(want, change.field)
        policy = self._policy(want.name)
        if want.policy is not None:
            policy_id = self._put_policy(want.name, want.policy, policy)
            self._attach(want.name, policy_id)
        else:
            self._detach(want.name, self._cam.attached(want.name))
            if policy is not None:
                self._cam.gone("DeletePolicy", PolicyId=[policy["PolicyId"]])
        self._learn(step.resource, role, wait_s=NEW_USER_S)

    def delete(self, resource: Resource) -> None:
        """Role, then policy. What is not ours is left alone."""
        name = self._declaration.name(resource.name)
        role = self._cam.role(name)
        if role is not None and is_ours(role.get("Tags"), self._declaration):
            self._detach(name, self._cam.attached(name))
            self._cam.gone("DeleteRole", RoleName=name)
        policy = self._cam.policy(name)
        if policy is not None and self._is_our_policy(policy):
            self._cam.gone("DeletePolicy", PolicyId=[policy["PolicyId"]])

    def _create_role(self, want: Want) -> Document:
        session = {"SessionDuration": want.session_s} if want.session_s else {}
        try:
            self._cam.call(
                "CreateRole",
                RoleName=want.name,
                Description=want.description,
                PolicyDocument=permissions.text(want.trust),
                Tags=tag_list(self._declaration),
                **session,
            )
        except CloudError:  # it may have been made all the same, by this try or by one before
            if self._role(want.name) is None:
                raise
        return self._seen(f"Role {want.name}", lambda: self._role(want.name))

    def _put_policy(self, name: str, document: Document, found: Document | None) -> int:
        """Its id, when it is as wanted."""
        policy = found or self._create_policy(name, document)
        if not permissions.same(policy["PolicyDocument"], document):
            text = permissions.text(document)
            self._cam.call("UpdatePolicy", PolicyId=policy["PolicyId"], PolicyDocument=text)
        return int(policy["PolicyId"])

    def _create_policy(self, name: str, document: Document) -> Document:
        try:
            self._cam.call(
                "CreatePolicy",
                PolicyName=name,
                PolicyDocument=permissions.text(document),
                Description=mark_text(self._declaration),
                Tags=tag_list(self._declaration),
            )
        except CloudError:
            if self._policy(name) is None:
                raise
        return self._seen(f"Policy {name}", lambda: self._policy(name))

    def _change_role(self, want: Want, field: str) -> None:
        if field == "trust":
            self._cam.call("UpdateAssumeRolePolicy", RoleName=want.name, PolicyDocument=permissions.text(want.trust))
        elif field == "description":
            self._cam.call("UpdateRoleDescription", RoleName=want.name, Description=want.description)
        else:
            self._cam.call("UpdateRoleSessionDuration", RoleName=want.name, SessionDuration=want.session_s)

    def _attach(self, name: str, policy_id: int) -> None:
        """Ours is attached, and nothing else: what somebody added by hand would widen what the code may do."""
        attached = self._cam.attached(name)
        if policy_id not in attached:
            try:
                self._cam.call("AttachRolePolicy", PolicyId=policy_id, AttachRoleName=name)
            except CloudError:  # it may have been attached all the same
                if policy_id not in self._cam.attached(name):
                    raise
        self._detach(name, attached.keys() - {policy_id})

    def _detach(self, name: str, policy_ids: Iterable[int]) -> None:
        for policy_id in policy_ids:
            self._cam.gone("DetachRolePolicy", PolicyId=policy_id, DetachRoleName=name)

    def _role_changes(self, want: Want, found: Document) -> list[Change]:
        changes = []
        if not permissions.same(found.get("PolicyDocument") or "", want.trust):
            changes.append(Change("trust", found.get("PolicyDocument") or "", permissions.text(want.trust)))
        if (found.get("Description") or "") != want.description:
            changes.append(Change("description", found.get("Description") or "", want.description))
        if want.session_s and int(found.get("SessionDuration") or 0) != want.session_s:
            changes.append(Change("session", f"{found.get('SessionDuration') or 0} s", f"{want.session_s} s"))
        return changes

    def _policy_changes(self, want: Want, found: Document | None) -> list[Change]:
        wanted, has = want.policy, found["PolicyDocument"] if found else ""
        if found is None and wanted is not None:
            return [Change("policy", "", permissions.text(wanted))]
        changes = []
        if found is not None and (wanted is None or not permissions.same(has, wanted)):
            changes.append(Change("policy", has, permissions.text(wanted) if wanted else ""))
        attached = self._cam.attached(want.name)
        if set(attached) != ({found["PolicyId"]} if found and wanted else set()):
            changes.append(Change("attached", ", ".join(sorted(attached.values())), want.name if wanted else ""))
        return changes

    def _role(self, name: str) -> Document | None:
        """Raises Foreign when it is there and not ours."""
        found = self._cam.role(name)
        if found is not None and not is_ours(found.get("Tags"), self._declaration):
            raise Foreign(_foreign("role", name))
        return found

    def _policy(self, name: str) -> Document | None:
        """Raises Foreign when it is there and not ours."""
        found = self._cam.policy(name)
        if found is not None and not self._is_our_policy(found):
            raise Foreign(_foreign("policy", name))
        return found

    def _is_our_policy(self, found: Document) -> bool:
        return is_ours(found.get("Tags"), self._declaration) or is_ours(found.get("Description"), self._declaration)

    def _seen(self, what: str, find: Callable[[], Document | None]) -> Document:
        """CAM tells of new things with some delay."""
        found: list[Document] = []

        def ready() -> bool:
            found[:] = [document] if (document := find()) is not None else []
            return bool(found)

        self._context.wait(what, ready)
        return found[0]

    def _learn(self, resource: Resource, role: Document, wait_s: float = 0) -> None:
        known, key = self._context.facts.known, f"role/{resource.name}"
        known[f"{key}.id"] = str(role["RoleId"])
        known[f"{key}.arn"] = f"qcs::cam::uin/{self._declaration.account.uin}:roleName/{resource.want.name}"
        if resource.want.in_cluster:
            known[f"{key}.user"] = self._common_name(resource.want.name, str(role["RoleId"]), wait_s)

    def _common_name(self, name: str, role_id: str, wait_s: float) -> str:
        """The CN of the certificate that TKE gives to sessions of the role (…/document/product/457/55721).

        TKE may hear of a role that was made a moment ago some seconds late.
        """
        cluster, deadline = self._declaration.cluster.id, time.monotonic() + wait_s
        while not (user := self._user(cluster, role_id, last=time.monotonic() >= deadline)):
            if time.monotonic() >= deadline:
                raise DeployError(
                    f"The cluster {cluster} has no user for the role {name}. Check the cluster's id and state."
                )
            time.sleep(min(1.0, self._context.poll_s))
        return user

    def _user(self, cluster: str, role_id: str, last: bool) -> str:
        """Empty: there is none. `last`: an unknown role is an error then."""
        try:
            answer = self._context.cloud.call(
                "tke", "DescribeClusterCommonNames", ClusterId=cluster, RoleIds=[role_id]
            )  # fmt: skip
        except CloudError as error:
            if not self._context.packages and missing(
                error
            ):  # who destroys needs no user, and perhaps no cluster is left
                return "(none)"
            if last or error.code != "ResourceNotFound":
                raise
            return ""
        return next((str(each.get("CN") or "") for each in answer.get("CommonNames") or []), "")


def _foreign(what: str, name: str) -> str:
    return (
        f"The CAM {what} {name} is there and was not made by patchmill-deploy for this service and stage. Rename or "
        "remove it, or choose another service or stage name."
    )
