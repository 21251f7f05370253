"""Query jobs: what they read, as pages of CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.salesforce.bulk.job import Job, Pages
from sandbox.salesforce.soql import check_for_bulk, rows_for_bulk

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def examine(org: Org, user_id: str, query: str) -> str:
    """The object that a query reads. OrgError 400 where it cannot be run in bulk."""
    return check_for_bulk(org, user_id, query).name


def collect(org: Org, job: Job) -> Pages:
    """The answer to a job's query, of this moment. OrgError 400 where the query cannot be answered any more."""
    found = rows_for_bulk(org, job.user_id, job.query, is_all=job.operation == "queryAll")
    pages = Pages(found.header, job.delimiter, job.line_ending)
    pages.fill(found.rows)
    return pages
