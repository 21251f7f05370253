"""The routes of the Metadata API and of the part of the Tooling API that the sandbox serves."""

from __future__ import annotations

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.metadata.calls import OPERATIONS, check_may_use
from sandbox.salesforce.metadata.envelope import CONTENT_TYPE, NoMessage, answer_text, client_fault, read_message
from sandbox.salesforce.metadata.tooling import TOOLING_ROUTES


def answer_soap(asked: Asked) -> Answer:
    """One call to the Metadata API."""
    try:
        message = read_message(asked.body)
    except NoMessage as fault:
        return Answer(500, content=client_fault(str(fault)), content_type=CONTENT_TYPE)
    operation = OPERATIONS.get(message.operation)
    if operation is None:
        text = f"No operation available for request {message.element.tag}"
        return Answer(500, content=client_fault(text), content_type=CONTENT_TYPE)
    check_may_use(asked.org, asked.user_id)
    results = operation(asked.org, asked.user_id, message)
    return Answer(200, content=answer_text(message.operation, results), content_type=CONTENT_TYPE)


METADATA_ROUTES = [
    Route("POST", "/services/Soap/m/{version}", answer_soap, form="soap"),
    Route("POST", "/services/Soap/m/{version}/{rest...}", answer_soap, form="soap"),
    *TOOLING_ROUTES,
]
"""The client library posts to the endpoint itself and to paths below it."""
