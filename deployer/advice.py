"""A code of the platform in; what it means, and what whoever deploys can do about it, out.

Codes are the platform's own (errorcodes.py of the SDK's services; COS: cloud.tencent.com/document/api/436/7730); those
of the cluster are the `reason` of Kubernetes' Status behind "Kubernetes.". docs/deploy.md shows this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from deployer.errors import CloudError


@dataclass(frozen=True)
class Advice:
    """`code` is a whole code, or the beginning of many."""

    code: str
    meaning: str
    todo: str


ADVICE = (
    Advice(
        "Credentials",
        "The keys of whoever deploys are not set, or not as they should be.",
        "Set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY (and TENCENTCLOUD_TOKEN for temporary keys) in the "
        "environment or in the stage's envFile. Keys are made in the console under Access Management > API Keys.",
    ),
    Advice(
        "AuthFailure.SecretIdNotFound",
        "The platform does not know this key id.",
        "Check TENCENTCLOUD_SECRET_ID for a typing error, and in the console whether the key was deleted or disabled.",
    ),
    Advice(
        "AuthFailure.SignatureExpire",
        "The clock of this machine is more than five minutes off.",
        "Set the clock (chronyd, systemd-timesyncd) and run the command again.",
    ),
    Advice(
        "AuthFailure.SignatureFailure",
        "The signature is wrong: id and key do not belong together.",
        "Copy both again. A proxy that rewrites requests has the same effect.",
    ),
    Advice(
        "AuthFailure.TokenFailure",
        "The temporary keys have run out.",
        "Get new ones. For a long apply choose keys that live an hour or more.",
    ),
    Advice(
        "AuthFailure.UnauthorizedOperation",
        "Whoever deploys may not do this.",
        "Attach the policy of docs/deploy.md to this user; the message names the action.",
    ),
    Advice(
        "AuthFailure",
        "The platform does not accept the keys.",
        "Check TENCENTCLOUD_SECRET_ID, _KEY and, if set, _TOKEN.",
    ),
    Advice(
        "UnauthorizedOperation.NoRBACPermissions",
        "The identity that deploys has no rights inside the TKE cluster.",
        "As the cluster's owner, choose Authorization > Obtain cluster admin role in the TKE console for this user.",
    ),
    Advice(
        "UnauthorizedOperation",
        "Whoever deploys may not do this.",
        "Attach the policy of docs/deploy.md to this user; the message names the action and the resource.",
    ),
    Advice(
        "LimitExceeded.Namespace",
        "A region has 5 SCF namespaces at most.",
        "Remove one that nobody uses, or deploy to another region.",
    ),
    Advice(
        "LimitExceeded.Layer",
        "A region has 20 layers at most, a layer 200 versions.",
        "Remove layers that no function uses, or ask for more by a ticket.",
    ),
    Advice(
        "LimitExceeded.Logset",
        "The account has as many CLS log sets as it may.",
        "Remove one that nobody uses, or ask for more by a ticket.",
    ),
    Advice(
        "LimitExceeded.Topic",
        "The log set has as many topics as it may.",
        "Remove one that nobody uses, or ask for more by a ticket.",
    ),
    Advice(
        "LimitExceeded",
        "A quota of the account is used up.",
        "The message names it. Remove what nobody uses, or ask for more in the console's quota center.",
    ),
    Advice(
        "RequestLimitExceeded",
        "Too many requests in a second; they were repeated for half a minute in vain.",
        "Run the command again: it goes on where it stopped. Something else in the account may be calling a lot.",
    ),
    Advice(
        "ResourceInUse",
        "The name is taken, or something still uses the resource.",
        "Look at it in the console. If it was made by hand, rename it, or change service or stage in serverless.yml.",
    ),
    Advice(
        "FailedOperation.PolicyNameInUse",
        "A CAM policy of that name is there already.",
        "If it was made by hand, rename or remove it, or change service or stage in serverless.yml.",
    ),
    Advice(
        "FailedOperation.InsufficientBalance",
        "The account owes money, and the platform has stopped its resources.",
        "Top up the account, wait some minutes, and run the command again.",
    ),
    Advice(
        "ResourceUnavailable.InsufficientBalance",
        "The account owes money, and the platform has stopped its resources.",
        "Top up the account, wait some minutes, and run the command again.",
    ),
    Advice(
        "ResourceUnavailable.NotPurchased",
        "The service has not been opened for this account.",
        "Open it once in the console (for Secrets Manager this opens KMS too) and run the command again.",
    ),
    Advice(
        "ResourceUnavailable.ResourcePendingDeleted",
        "The secret waits for its deletion.",
        "Run apply: it restores the secret.",
    ),
    Advice(
        "ResourceUnavailable",
        "The resource is there, but cannot be used in its present state.",
        "Look at its state in the console; when it has settled, run the command again.",
    ),
    Advice(
        "ResourceNotFound.Role",
        "CAM does not yet know the role everywhere.",
        "Wait a minute and run the command again.",
    ),
    Advice(
        "ResourceNotFound",
        "Something that the stage names by id, or that was there a moment ago, is not there.",
        "Check the ids in stages/<stage>.yml and the region. Then run the command again.",
    ),
    Advice(
        "FailedOperation.UnOpenedService",
        "Cloud Functions have not been opened for this account.",
        "Open the SCF console once and agree to the service authorization: it makes the role SCF_QcsRole.",
    ),
    Advice(
        "FailedOperation.QcsRoleNotFound",
        "The role SCF_QcsRole is missing, with which the platform reads code and sets up triggers.",
        "Open the SCF console once and agree to the service authorization.",
    ),
    Advice(
        "FailedOperation.LogsetNotEmpty",
        "Topics of somebody else are in our log set.",
        "Move or remove them in the CLS console, then run destroy again.",
    ),
    Advice(
        "FailedOperation.RBACForbidden",
        "The identity that deploys has no rights inside the TKE cluster.",
        "As the cluster's owner, choose Authorization > Obtain cluster admin role in the TKE console for this user.",
    ),
    Advice(
        "UnsupportedOperation.FrequencyTopicDeleteOperate",
        "CKafka deletes a topic at the earliest a minute after its creation.",
        "Wait a minute and run the command again.",
    ),
    Advice(
        "FailedOperation",
        "The platform tried and failed.",
        "The message says why. Run the command again; if it stays, give the RequestId to the vendor's support.",
    ),
    Advice(
        "InvalidParameterValue.EnvironmentExceededLimit",
        "The variables of the function have more than 4 KB.",
        "Take some out of serverless.yml, or make them settings of a secret.",
    ),
    Advice(
        "InvalidParameter.RoleFull",
        "The account has as many CAM roles as it may.",
        "Remove roles that nobody uses, or ask for more by a ticket.",
    ),
    Advice(
        "InvalidParameter.RoleCheck",
        "The platform cannot use the function's role; a new one takes some seconds to be known everywhere.",
        "Run the command again.",
    ),
    Advice(
        "InvalidParameter",
        "The platform does not accept a value of this request.",
        "The message names it. Check serverless.yml and stages/<stage>.yml.",
    ),
    Advice(
        "MissingParameter",
        "The platform misses a value in this request.",
        "Its API has changed: look for a newer version of Patchmill.",
    ),
    Advice(
        "UnknownParameter",
        "The platform does not know a value in this request.",
        "Its API has changed: look for a newer version of Patchmill.",
    ),
    Advice(
        "UnsupportedRegion",
        "The service does not exist in this region.",
        "Choose another region in stages/<stage>.yml.",
    ),
    Advice("UnsupportedOperation", "The platform does not do this here.", "The message says what to change."),
    Advice(
        "OperationDenied",
        "The platform forbids this for the account or the resource.",
        "The message says why: an isolated account, or protection against deletion, for instance.",
    ),
    Advice(
        "InternalError",
        "A fault of the platform; the request was repeated in vain.",
        "Run the command again: it goes on where it stopped. If it stays, give the RequestId to the vendor's support.",
    ),
    Advice(
        "ClientNetworkError",
        "No answer from the API.",
        "Check the network, HTTPS_PROXY, and endpoint in the stage file. Then run the command again.",
    ),
    Advice(
        "ServerNetworkError",
        "Something between here and the API gave an answer that is not the API's.",
        "Check HTTPS_PROXY and endpoint in the stage file. Then run the command again.",
    ),
    # COS
    Advice(
        "BucketAlreadyExists",
        "Another account has this bucket name.",
        "Choose another name in serverless.yml; bucket names end with the app id of their account.",
    ),
    Advice(
        "BucketAlreadyOwnedByYou",
        "The bucket is there already, perhaps in another region.",
        "Look for it in the COS console; remove it, or choose another name in serverless.yml.",
    ),
    Advice(
        "BucketNotEmpty",
        "Something has written to the bucket while it was being emptied.",
        "Stop what writes to it and run destroy again.",
    ),
    Advice(
        "AccessDenied",
        "COS does not let these keys do this, or the bucket belongs to another account.",
        "Check the bucket's name and app id; attach the policy of docs/deploy.md to this user.",
    ),
    Advice("InvalidAccessKeyId", "COS does not know this key id.", "Check TENCENTCLOUD_SECRET_ID."),
    Advice(
        "SignatureDoesNotMatch",
        "The signature is wrong: id and key do not belong together.",
        "Copy both keys again.",
    ),
    Advice(
        "RequestTimeTooSkewed",
        "The clock of this machine is more than 15 minutes off.",
        "Set the clock and run the command again.",
    ),
    Advice("TooManyBuckets", "The account has as many buckets as it may (200).", "Remove one that nobody uses."),
    Advice("NoSuchBucket", "The bucket is gone.", "Run apply again: it makes what is missing."),
    # Kubernetes
    Advice(
        "Kubernetes.Unauthorized",
        "The cluster does not know this identity.",
        "Open the cluster once in the TKE console with the account that deploys, and check the cluster's id.",
    ),
    Advice(
        "Kubernetes.Forbidden",
        "The identity that deploys may not do this inside the cluster, or a quota is used up.",
        "As the cluster's owner, choose Authorization > Obtain cluster admin role in the TKE console for this user.",
    ),
    Advice(
        "Kubernetes.Conflict",
        "Something else changes the same object.",
        "Run the command again. If it stays, look for another controller that manages the object.",
    ),
    Advice(
        "Kubernetes.AlreadyExists",
        "An object of that name is there already.",
        "Run the command again; if it is somebody else's, choose another namespace in the stage file.",
    ),
    Advice(
        "Kubernetes.Invalid",
        "The cluster does not accept a manifest.",
        "The message names the field. Check deployer/cluster and the quota in the stage file.",
    ),
    Advice(
        "Kubernetes.NoEndpoint",
        "From here the cluster has no reachable address.",
        "Enable its intranet endpoint in the TKE console (or the public one, with cluster.extranet: true in the stage "
        "file), and run the deployer where it can be reached.",
    ),
    Advice(
        "Kubernetes.NoAnswer",
        "The cluster does not answer.",
        "Run the deployer inside the cluster's VPC, or set cluster.extranet: true in the stage file and enable the "
        "public endpoint; check its security group.",
    ),
    Advice("Kubernetes", "The cluster refused the request.", "The message says why."),
)


def explain(code: str) -> Advice | None:
    """The advice for the longest known beginning of the code."""
    known = [advice for advice in ADVICE if code.startswith(advice.code)]
    return max(known, key=lambda advice: len(advice.code), default=None)


def describe(error: CloudError) -> str:
    """Some lines for whoever deploys: what failed, what it means, what to do."""
    lines = [str(error)]
    if advice := explain(error.code):
        lines += [f"  means: {advice.meaning}", f"  do:    {advice.todo}"]
    return "\n".join(lines)
