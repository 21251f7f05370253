"""Pipelines and their stages. Tickets have one that can be changed by people; contacts and companies the lifecycle ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.hubspot.errors import not_found
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.values import iso_ms

LONG_AGO_MS = 1_546_300_800_000  # 2019-01-01


@dataclass
class Stage:
    """One stage of a pipeline."""

    id: str
    label: str
    display_order: int
    metadata: dict[str, str]


@dataclass
class Pipeline:
    """A pipeline with its stages."""

    id: str
    label: str
    display_order: int
    stages: list[Stage] = field(default_factory=list)


def _ticket_stage(number: int, label: str, state: str) -> Stage:
    return Stage(str(number), label, number - 1, {"ticketState": state, "isClosed": "true" if state == "CLOSED" else "false"})


class Pipelines:
    """The pipelines of a portal."""

    def __init__(self) -> None:
        self._by_type: dict[str, list[Pipeline]] = {
            "tickets": [
                Pipeline(
                    "0",
                    "Support Pipeline",
                    0,
                    [
                        _ticket_stage(1, "New", "OPEN"),
                        _ticket_stage(2, "Waiting on contact", "OPEN"),
                        _ticket_stage(3, "Waiting on us", "OPEN"),
                        _ticket_stage(4, "Closed", "CLOSED"),
                    ],
                )
            ],
        }

    def closed_stages(self) -> set[str]:
        """Ids of the stages that mean a ticket is closed."""
        return {s.id for p in self._by_type["tickets"] for s in p.stages if s.metadata["ticketState"] == "CLOSED"}

    def has_stage(self, pipeline: str, stage: str) -> bool:
        """Whether the ticket pipeline has the stage."""
        return any(p.id == pipeline and s.id == stage for p in self._by_type["tickets"] for s in p.stages)

    def listed(self, kind: ObjectType) -> dict[str, Any]:
        """All pipelines of an object type."""
        return {"results": [_shown(p) for p in self._by_type.get(kind.name, [])]}

    def one(self, kind: ObjectType, pipeline_id: str) -> Pipeline:
        """A pipeline by id. ApiError 404 where there is none."""
        for pipeline in self._by_type.get(kind.name, []):
            if pipeline.id == pipeline_id:
                return pipeline
        raise not_found()

    def shown(self, kind: ObjectType, pipeline_id: str) -> dict[str, Any]:
        """A pipeline as the API shows it."""
        return _shown(self.one(kind, pipeline_id))

    def stages(self, kind: ObjectType, pipeline_id: str) -> dict[str, Any]:
        """The stages of a pipeline."""
        return {"results": [_shown_stage(s) for s in self.one(kind, pipeline_id).stages]}

    def stage(self, kind: ObjectType, pipeline_id: str, stage_id: str) -> dict[str, Any]:
        """One stage. ApiError 404 where there is none."""
        for stage in self.one(kind, pipeline_id).stages:
            if stage.id == stage_id:
                return _shown_stage(stage)
        raise not_found()

    def audit(self, kind: ObjectType, pipeline_id: str, portal_id: int, stage_id: str | None = None) -> dict[str, Any]:
        """Who changed the pipeline or the stage: it was made once and never touched. ApiError 404 where there is none."""
        shown = self.shown(kind, pipeline_id) if stage_id is None else self.stage(kind, pipeline_id, stage_id)
        entry = {
            "portalId": portal_id,
            "identifier": shown["id"],
            "action": "CREATE",
            "timestamp": iso_ms(LONG_AGO_MS),
            "message": "Pipeline created" if stage_id is None else "Stage created",
            "rawObject": shown,
        }
        return {"results": [entry]}


def _shown(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "label": pipeline.label,
        "displayOrder": pipeline.display_order,
        "id": pipeline.id,
        "stages": [_shown_stage(stage) for stage in pipeline.stages],
        "createdAt": iso_ms(LONG_AGO_MS),
        "updatedAt": iso_ms(LONG_AGO_MS),
        "archived": False,
    }


def _shown_stage(stage: Stage) -> dict[str, Any]:
    return {
        "label": stage.label,
        "displayOrder": stage.display_order,
        "metadata": dict(stage.metadata),
        "id": stage.id,
        "createdAt": iso_ms(LONG_AGO_MS),
        "updatedAt": iso_ms(LONG_AGO_MS),
        "archived": False,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }
