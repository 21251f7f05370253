"""What an org goes on with by itself: bulk jobs and deployments. It is brought up to date whenever somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.salesforce.bulk.jobs import Jobs
from sandbox.salesforce.metadata.deploying import Deployments

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def catch_up(org: Org) -> None:
    """Do what the clock says is done by now, so that a call sees the rows and definitions that it would see."""
    with org.lock:
        Jobs.of(org).settle()
        Deployments.of(org).settle()
