"""What moto lacks of an account: its quotas, and the simulator of policies.

Every instance type has a quota of 4, save those with 8 large GPUs, which have 0; `ml.p5e` and
`ml.trn2` are not offered. Roles may do everything that `deny` did not name.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.servicequotas.responses import ServiceQuotasResponse

from orchestrator.catalog.instances import Use, family, instance_types

USES: dict[str, Use] = {
    "training job usage": "training",
    "spot training job usage": "training",
    "processing job usage": "processing",
    "transform job usage": "transform",
}
LARGE = {"p4d", "p5", "p5en"}
ELSEWHERE = {"p5e", "trn2"}
PAGE = 100
MISSING_ROLE = "gone"
"""Part of the name of roles that are not there."""


def quotas() -> list[dict[str, Any]]:
    """Return the quotas of an account's instances, as Service Quotas lists them."""
    return [
        {
            "ServiceCode": "sagemaker",
            "QuotaName": f"{kind} for {use}",
            "QuotaCode": f"L-{hashlib.sha256(f'{kind} {use}'.encode()).hexdigest()[:8].upper()}",
            "Value": 0.0 if family(kind) in LARGE else 4.0,
            "Adjustable": True,
        }
        for use, instances in USES.items()
        for kind in instance_types(instances)
        if family(kind) not in ELSEWHERE
    ]


def list_service_quotas(self: ServiceQuotasResponse) -> str:
    """List the quotas that were ever asked for: those of even position, a page at a time."""
    return _page(self, quotas()[::2])


def list_aws_default_service_quotas(self: ServiceQuotasResponse) -> str:
    """List all of them."""
    return _page(self, quotas())


def _page(self: ServiceQuotasResponse, listed: list[dict[str, Any]]) -> str:
    start = int(json.loads(self.body).get("NextToken") or 0)
    page: dict[str, Any] = {"Quotas": listed[start : start + PAGE]}
    if listed[start + PAGE :]:
        page["NextToken"] = str(start + PAGE)
    return json.dumps(page)


def simulate_principal_policy(self: IamResponse) -> ActionResult:
    """Allow everything that `deny` did not name."""
    if MISSING_ROLE in self._get_param("PolicySourceArn"):
        msg = "The role cannot be found."
        raise NotFoundException(msg)
    denied = iam_backends[self.current_account]["aws"].__dict__.get("denied", set())
    names = self._get_param("ActionNames")
    (resource,) = self._get_param("ResourceArns")
    results = [
        {
            "EvalActionName": name,
            "EvalResourceName": resource,
            "EvalDecision": "implicitDeny" if name in denied else "allowed",
        }
        for name in names
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def deny(action: str) -> None:
    """Let no role do `action` from now on."""
    backend = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    backend.__dict__.setdefault("denied", set()).add(action)


for _response, _operation in (
    (ServiceQuotasResponse, list_service_quotas),
    (ServiceQuotasResponse, list_aws_default_service_quotas),
    (IamResponse, simulate_principal_policy),
):
    # moto finds an operation by the name of a method.
    setattr(_response, _operation.__name__, _operation)
