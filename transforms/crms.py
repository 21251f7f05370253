"""What people call each CRM."""

from __future__ import annotations

CRM_NAMES = {"hubspot": "HubSpot", "salesforce": "Salesforce", "files": "the file"}


def crm_name(crm: str) -> str:
    """``HubSpot`` for ``hubspot``."""
    return CRM_NAMES.get(crm, crm)
