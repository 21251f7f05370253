"""Deployments: an archive is queued, checked as a whole, and then done or left, while the client asks how far it is.

``rollbackOnError`` does all or nothing; without it what is sound is done and the rest refused (SucceededPartial). ``checkOnly`` does
nothing. A component that is to be deleted and is not there is only a warning, and no reason to fail, whatever ``ignoreWarnings`` says:
so deployments behave by the accounts of those who delete twice, against the letter of the documentation.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.clock import from_ms
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.ids import make_id, normal_id
from sandbox.salesforce.metadata.archive import Archive, BadArchive, Found, read_archive
from sandbox.salesforce.metadata.catalogue import Catalogue, Plan
from sandbox.salesforce.metadata.component import Component, Problem
from sandbox.salesforce.metadata.tree import Tree, flag, one, to_xml

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

PENDING = 0.2
"""The share of its time that a deployment waits in the queue."""


@dataclass(frozen=True)
class Line:
    """What became of one component: a problem with it, or what was done."""

    component: Component
    file: str
    problem: Problem | None = None
    is_created: bool = False
    is_changed: bool = False
    is_deleted: bool = False

    @property
    def is_success(self) -> bool:
        """Whether nothing worse than a warning stands against it."""
        return self.problem is None or self.problem.is_warning


@dataclass
class Deployment:
    """One deployment. Stamps are milliseconds since 1970; ``begun`` and ``lasts`` are seconds of the sandbox's elapsed time."""

    id: str
    user_id: str
    text: str
    options: Tree
    created_ms: int
    begun: float
    lasts: float
    status: str = "Pending"
    completed_ms: int = 0
    error: str = ""
    total: int = 0
    lines: list[Line] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether nothing will change any more."""
        return self.status not in {"Pending", "InProgress", "Canceling"}

    @property
    def failed(self) -> int:
        """How many components were refused."""
        return len({(line.file, *line.component.key) for line in self.lines if not line.is_success})


class Deployments:
    """All deployments of one org."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._all: dict[str, Deployment] = {}
        self._random = random.Random(org.options.seed + 10)

    @classmethod
    def of(cls, org: Org) -> Deployments:
        """The deployments of an org."""
        found: Deployments | None = org.beside.get(cls)
        if found is None:
            found = org.beside[cls] = cls(org)
        return found

    def begin(self, user_id: str, text: str, options: Tree) -> Deployment:
        """Queue an archive given as base64."""
        made = Deployment(
            make_id("0Af", len(self._all) + 1),
            user_id,
            text,
            options,
            self._org.now_ms(),
            self._org.clock.elapsed(),
            self._random.uniform(*self._org.org.bulk_job_s),
        )
        self._all[made.id] = made
        return made

    def find(self, deployment_id: str) -> Deployment:
        """The deployment of an id. OrgError where there is none."""
        found = self._all.get(normal_id(deployment_id) or "")
        if found is None:
            raise OrgError(500, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return found

    def cancel(self, deployment: Deployment) -> None:
        """End a deployment that has not come to its turn. OrgError where it is done."""
        if deployment.is_done:
            raise OrgError(500, "INVALID_ID_FIELD", "Deployment already completed")
        deployment.status, deployment.completed_ms = "Canceled", self._org.now_ms()

    def settle(self) -> None:
        """Bring every deployment to where it is by now."""
        for deployment in self._all.values():
            if deployment.is_done:
                continue
            share = (self._org.clock.elapsed() - deployment.begun) / deployment.lasts if deployment.lasts > 0 else 1.0
            if share >= 1:
                self._run(deployment)
            elif share >= PENDING:
                deployment.status = "InProgress"

    def _run(self, deployment: Deployment) -> None:
        deployment.completed_ms = self._org.now_ms()
        try:
            archive = read_archive(deployment.text)
        except BadArchive as fault:
            deployment.error, deployment.status = str(fault), "Failed"
            return
        finally:
            deployment.text = ""
        tried = _tried(Plan(Catalogue.of(self._org)), archive)
        deployment.total = len(tried) + len(archive.faults)
        deployment.lines = [Line(found.component, found.file, Problem("INVALID_TYPE", found.problem)) for found in archive.faults]
        is_sound = not archive.faults and not any(not problem.is_warning for _, problems, _ in tried for problem in problems)
        does_all = is_sound or not flag(deployment.options, "rollbackOnError")
        for found, problems, is_deletion in tried:
            if problems:
                deployment.lines += [Line(found.component, found.file, problem) for problem in problems]
            elif does_all and not flag(deployment.options, "checkOnly"):
                deployment.lines.append(self._do(deployment, found, is_deletion=is_deletion))
            else:
                deployment.lines.append(self._foreseen(found, is_deletion=is_deletion))
        some = any(line.is_success for line in deployment.lines)
        deployment.status = "Succeeded" if is_sound else "SucceededPartial" if does_all and some else "Failed"

    def _do(self, deployment: Deployment, found: Found, *, is_deletion: bool) -> Line:
        catalogue = Catalogue.of(self._org)
        if not is_deletion:
            created, changed = catalogue.save(deployment.user_id, found.component)
            return Line(found.component, found.file, is_created=created, is_changed=changed)
        held = catalogue.find(found.component.type, found.component.full_name)
        if held is not None:
            catalogue.drop(held)
            found.component.id = held.id
        return Line(found.component, found.file, is_changed=True, is_deleted=True)

    def _foreseen(self, found: Found, *, is_deletion: bool) -> Line:
        is_new = Catalogue.of(self._org).find(found.component.type, found.component.full_name) is None
        return Line(found.component, found.file, is_created=is_new and not is_deletion, is_changed=True, is_deleted=is_deletion)


def _tried(plan: Plan, archive: Archive) -> list[tuple[Found, list[Problem], bool]]:
    tried: list[tuple[Found, list[Problem], bool]] = [(found, plan.try_drop(found.component), True) for found in archive.before]
    seen: set[tuple[str, str]] = set()
    for found in archive.made:
        problems = plan.try_save(found.component)
        if found.component.key in seen:
            problems.append(Problem("DUPLICATE_VALUE", f"Duplicate name '{found.component.full_name}' specified"))
        seen.add(found.component.key)
        tried.append((found, problems, False))
    return tried + [(found, plan.try_drop(found.component), True) for found in archive.after]


def status_text(deployment: Deployment, user_name: str, *, with_details: bool) -> str:
    """The ``result`` of checkDeployStatus."""
    is_ok = deployment.status == "Succeeded"
    failed = deployment.failed
    created, completed = stamp(deployment.created_ms), stamp(deployment.completed_ms) if deployment.completed_ms else None
    return to_xml(
        "result",
        {
            "canceledBy": deployment.user_id if deployment.status == "Canceled" else None,
            "canceledByName": user_name if deployment.status == "Canceled" else None,
            "checkOnly": flag(deployment.options, "checkOnly"),
            "completedDate": completed,
            "createdBy": deployment.user_id,
            "createdByName": user_name,
            "createdDate": created,
            "details": _details(deployment) if with_details else None,
            "done": deployment.is_done,
            "errorMessage": deployment.error or None,
            "errorStatusCode": "UNKNOWN_EXCEPTION" if deployment.error else None,
            "id": deployment.id,
            "ignoreWarnings": flag(deployment.options, "ignoreWarnings"),
            "lastModifiedDate": completed or created,
            "numberComponentErrors": failed,
            "numberComponentsDeployed": deployment.total - failed if deployment.is_done else 0,
            "numberComponentsTotal": deployment.total,
            "numberTestErrors": 0,
            "numberTestsCompleted": 0,
            "numberTestsTotal": 0,
            "rollbackOnError": flag(deployment.options, "rollbackOnError"),
            "runTestsEnabled": one(deployment.options, "testLevel") not in {"", "NoTestRun"},
            "startDate": created if deployment.status != "Pending" else None,
            "status": deployment.status,
            "success": is_ok,
        },
    )


def _details(deployment: Deployment) -> dict[str, object]:
    moment = stamp(deployment.completed_ms or deployment.created_ms)
    told: dict[str, object] = {
        "componentFailures": [_message(line, moment) for line in deployment.lines if not line.is_success],
        "componentSuccesses": [_message(line, moment) for line in deployment.lines if line.is_success],
    }
    if deployment.is_done and not deployment.error and deployment.status != "Canceled":
        package = Line(Component("", "package.xml", {}), "package.xml", is_changed=True)
        told["componentSuccesses"] = [*told["componentSuccesses"], _message(package, moment)]  # type: ignore[misc]  # the list made above
    return {**told, "runTestResult": {"numFailures": 0, "numTestsRun": 0, "totalTime": 0.0}}


def _message(line: Line, moment: str) -> dict[str, object]:
    is_error = not line.is_success
    return {
        "changed": line.is_changed,
        "columnNumber": 0 if is_error else None,
        "componentType": line.component.type,
        "created": line.is_created,
        "createdDate": moment,
        "deleted": line.is_deleted,
        "fileName": line.file,
        "fullName": line.component.full_name,
        "id": line.component.id or None,
        "lineNumber": 0 if is_error else None,
        "problem": line.problem.text if line.problem else None,
        "problemType": None if line.problem is None else "Warning" if line.problem.is_warning else "Error",
        "success": line.is_success,
    }


def stamp(ms: int) -> str:
    """A moment as SOAP writes it."""
    return from_ms(ms).strftime("%Y-%m-%dT%H:%M:%S.000Z")
