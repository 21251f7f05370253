"""How many calls an org may answer in 24 hours, and what it says of them."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from sandbox.clock import Clock
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.options import OrgOptions

DAY_MS = 86_400_000
SLICE_MS = 60_000
"""Calls are counted by the minute: the day rolls on in steps as small as that."""

BULK_JOBS = 10_000
BULK_BATCHES = 15_000

OTHER_LIMITS = {
    "ActiveScratchOrgs": 3,
    "AnalyticsExternalDataSizeMB": 40_960,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentSyncReportRuns": 20,
    "DailyAnalyticsDataflowJobExecutions": 60,
    "DailyApiRequests": 0,
    "DailyAsyncApexExecutions": 250_000,
    "DailyAsyncApexTests": 500,
    "DailyBulkApiBatches": BULK_BATCHES,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyBulkV2QueryJobs": BULK_JOBS,
    "DailyDeliveredPlatformEvents": 10_000,
    "DailyDurableGenericStreamingApiEvents": 10_000,
    "DailyDurableStreamingApiEvents": 10_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyScratchOrgs": 6,
    "DailyStandardVolumePlatformEvents": 10_000,
    "DailyStreamingApiEvents": 10_000,
    "DailyWorkflowEmails": 1_000,
    "DataStorageMB": 1_024,
    "DurableStreamingApiConcurrentClients": 20,
    "FileStorageMB": 1_024,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5_000,
    "HourlyDashboardStatuses": 999_999_999,
    "HourlyLongTermIdMapping": 100_000,
    "HourlyODataCallout": 1_000,
    "HourlyPublishedPlatformEvents": 50_000,
    "HourlyPublishedStandardVolumePlatformEvents": 1_000,
    "HourlyShortTermIdMapping": 100_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 1_000,
    "MassEmail": 5_000,
    "Package2VersionCreates": 6,
    "Package2VersionCreatesWithoutValidation": 500,
    "PermissionSets": 1_500,
    "SingleEmail": 5_000,
    "StreamingApiConcurrentClients": 20,
}
"""What an org of this size may do, by the names of the REST guide and in its order. The sandbox uses up only calls and bulk jobs."""


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

    def told(self) -> dict[str, Any]:
        """The body of ``/limits``. An app that has called stands in the daily calls by its name."""
        jitter = self._random.randint(0, self.options.usage_jitter) if self.options.usage_jitter else 0
        told: dict[str, Any] = {name: {"Max": most, "Remaining": most} for name, most in OTHER_LIMITS.items()}
        told["DailyApiRequests"]["Remaining"] = max(0, self.remaining - jitter)
        told["DailyApiRequests"] |= {"Max": self.options.daily, "Still There": {"Max": 0, "Remaining": 0}}
        told["DailyBulkApiBatches"]["Remaining"] -= self.ingest_batches
        told["DailyBulkV2QueryJobs"]["Remaining"] -= self.query_jobs
        return told

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
