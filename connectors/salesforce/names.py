"""What our fields, objects and definitions are called in a Salesforce org. Pure."""

from __future__ import annotations

CRM = "salesforce"
PREFIX = "StillThere_"
TASK_KEY = "StillThere_Task_Key__c"
"""The external id by which a task of ours is found again. Defined on Activity, so tasks and events both have it."""

OBJECTS = {"contacts": ("Contact", "Lead"), "companies": ("Account",)}
"""The objects whose records make each canonical table. Our fields stand on all of them."""

PREFIXES = {"003": "Contact", "00Q": "Lead", "001": "Account", "00T": "Task", "00U": "Event", "02s": "EmailMessage", "005": "User"}
"""The first three characters of an id tell its object."""

NAME_LIMIT = 40
"""Characters of an API name before ``__c``."""


def api_name(field: str) -> str:
    """What a field is called in Salesforce: ``engagement_state`` is ``StillThere_Engagement_State__c``."""
    name = PREFIX + "_".join(word.capitalize() for word in field.split("_"))
    if len(name) > NAME_LIMIT:
        raise ValueError(f"the field {field} would be called {name} in Salesforce, which is longer than {NAME_LIMIT} characters")
    return f"{name}__c"


def object_of(record_id: str) -> str | None:
    """The object that a record id belongs to; None where the prefix is not one of ours."""
    return PREFIXES.get(record_id[:3])
