"""Which API versions an org serves, and which resources each has."""

from __future__ import annotations

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.rest.login import identity_url

FIRST_VERSION = 31
SEASONS = ("Spring", "Summer", "Winter")
RESOURCES = (
    ("tooling", "tooling"),
    ("metadata", "metadata"),
    ("composite", "composite"),
    ("queryAll", "queryAll"),
    ("recent", "recent"),
    ("limits", "limits"),
    ("sobjects", "sobjects"),
    ("query", "query"),
    ("search", "search"),
    ("jobs", "jobs"),
    ("parameterizedSearch", "parameterizedSearch"),
)


def label_of(version: int) -> str:
    """The season of an API version: 31 is Summer '14, and three follow each other in a year."""
    season = SEASONS[version % 3]
    year = 2014 + (version - 30) // 3 + (season == "Winter")
    # One label was written with another apostrophe, and has kept it.
    apostrophe = "\u2019" if version == 42 else "'"
    return f"{season} {apostrophe}{year % 100:02d}"


def list_versions(asked: Asked) -> Answer:
    """``GET /services/data``: every version served. Needs no session and carries no usage header."""
    newest = int(float(asked.org.org.api_version))
    return Answer(
        200,
        [{"label": label_of(n), "url": f"/services/data/v{n}.0", "version": f"{n}.0"} for n in range(FIRST_VERSION, newest + 1)],
    )


def list_resources(asked: Asked) -> Answer:
    """``GET /services/data/vXX.X``: the resources of a version, and who asks."""
    resources = {name: f"{asked.base}/{path}" for name, path in RESOURCES}
    return Answer(200, {**resources, "identity": identity_url(asked, asked.user_id)})


def list_composites(asked: Asked) -> Answer:
    """``GET composite``: the resources that take several records or calls."""
    return Answer(200, {name: f"{asked.base}/composite/{name}" for name in ("tree", "batch", "sobjects", "graph")})


ROUTES = [
    Route("GET", "/services/data", list_versions, "open", counts=False),
    Route("GET", "/services/data/v{version}", list_resources),
    Route("GET", "/services/data/v{version}/composite", list_composites),
]
