"""SOQL: reading it, checking it against what the user sees, answering it, and shaping the answer as Salesforce does."""

from sandbox.salesforce.soql.bulk import BulkRows, check_for_bulk, rows_for_bulk
from sandbox.salesforce.soql.cursors import Cursors
from sandbox.salesforce.soql.parsing import parse
from sandbox.salesforce.soql.running import Result, run_query

__all__ = ["BulkRows", "Cursors", "Result", "check_for_bulk", "parse", "rows_for_bulk", "run_query"]
