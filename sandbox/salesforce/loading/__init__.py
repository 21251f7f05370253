"""Fills an org from canonical tables: people, companies and what happened become the records that a grown org would hold."""

from sandbox.salesforce.loading.filling import load_org

__all__ = ["load_org"]
