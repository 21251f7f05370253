"""How many calls an org may answer in 24 hours, and what it says of them."""

from __future__ import annotations

import random
from collections import deque

from sandbox.clock import Clock
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.options import OrgOptions

DAY_MS = 86_400_000
SLICE_MS = 60_000
"""Calls are counted by the minute: the day rolls on in steps as small as that."""

BULK_JOBS = 10_000
BULK_BATCHES = 15_000


class Limits:
    """The rolling day of an org: calls of everybody in the last 24 hours. What others used before the start never ages."""

    def __init__(self, options: OrgOptions, clock: Clock, seed: int = 0) -> None:
        self.options = options
        self._clock = clock
        self._random = random.Random(seed + 11)
        self._minutes: deque[list[int]] = deque()
        self._mine = 0
        self.others = options.daily_used
        self.query_jobs = 0
        """Bulk query jobs of today, counted by whoever makes them."""
        self.ingest_batches = 0
        """Batches of bulk ingest jobs of today, the same."""

    @property
    def used(self) -> int:
        """Calls of the last 24 hours, by everybody."""
        self._age()
        return self.others + self._mine

    @property
    def remaining(self) -> int:
        """Calls that are left."""
        return max(0, self.options.daily - self.used)

    def admit(self) -> None:
        """Raise OrgError 403 where the day's calls are used up."""
        if self.used >= self.options.daily:
            raise too_many_calls()

    def count(self, calls: int = 1) -> None:
        """Count calls that were let in now."""
        minute = self._clock.now_ms() // SLICE_MS
        if self._minutes and self._minutes[-1][0] == minute:
            self._minutes[-1][1] += calls
        else:
            self._minutes.append([minute, calls])
        self._mine += calls

    def header(self) -> str:
        """``Sforce-Limit-Info``. It wavers as the real one does: several servers count, and they agree late."""
        jitter = self._random.randint(-self.options.usage_jitter, self.options.usage_jitter) if self.options.usage_jitter else 0
        shown = min(max(0, self.used + jitter), max(self.used, self.options.daily))
        return f"api-usage={shown}/{self.options.daily}"

    def told(self) -> dict[str, dict[str, int]]:
        """The body of ``/limits``."""
        jitter = self._random.randint(0, self.options.usage_jitter) if self.options.usage_jitter else 0
        fixed = {"Max": 0, "Remaining": 0}
        return {
            "ConcurrentAsyncGetReportInstances": {"Max": 200, "Remaining": 200},
            "ConcurrentSyncReportRuns": {"Max": 20, "Remaining": 20},
            "DailyApiRequests": {"Max": self.options.daily, "Remaining": max(0, self.remaining - jitter)},
            "DailyAsyncApexExecutions": {"Max": 250_000, "Remaining": 250_000},
            "DailyBulkApiBatches": {"Max": BULK_BATCHES, "Remaining": BULK_BATCHES - self.ingest_batches},
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
            "DailyBulkV2QueryJobs": {"Max": BULK_JOBS, "Remaining": BULK_JOBS - self.query_jobs},
            "DailyGenericStreamingApiEvents": {"Max": 10_000, "Remaining": 10_000},
            "DailyStreamingApiEvents": {"Max": 10_000, "Remaining": 10_000},
            "DailyWorkflowEmails": {"Max": 1_000, "Remaining": 1_000},
            "DataStorageMB": {"Max": 1_024, "Remaining": 1_024},
            "FileStorageMB": {"Max": 1_024, "Remaining": 1_024},
            "HourlyODataCallout": dict(fixed),
            "HourlyTimeBasedWorkflow": {"Max": 1_000, "Remaining": 1_000},
            "MassEmail": {"Max": 5_000, "Remaining": 5_000},
            "SingleEmail": {"Max": 5_000, "Remaining": 5_000},
        }

    def _age(self) -> None:
        oldest = (self._clock.now_ms() - DAY_MS) // SLICE_MS
        while self._minutes and self._minutes[0][0] < oldest:
            self._mine -= self._minutes.popleft()[1]


def too_many_calls() -> OrgError:
    """403: the day's calls are used up. No header says when to come back."""
    return OrgError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def too_many_at_once() -> OrgError:
    """403: too many long calls at the same time."""
    return OrgError(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
