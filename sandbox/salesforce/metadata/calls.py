"""The operations of the Metadata API, each from the parts of its call to the text of its results.

Texts of refusals. Salesforce's own, as its users quote them: that a name is taken, that a component to change or delete is not there, that
the user may not use the API. The text about too many components in one call nobody could verify.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.metadata.catalogue import Catalogue
from sandbox.salesforce.metadata.component import ELEMENTS, FIELD, OBJECT, PERMISSIONS, VIEW, Component, Problem
from sandbox.salesforce.metadata.deploying import Deployments, stamp, status_text
from sandbox.salesforce.metadata.envelope import Message, record_text, to_raw, type_of
from sandbox.salesforce.metadata.retrieving import find_retrieval, retrieval_text, retrieve
from sandbox.salesforce.metadata.tree import Tree, branches, flag, local, one, texts, to_tree, to_xml

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

MOST, MOST_QUERIES = 10, 3
ADMINS = ("PermissionsModifyMetadata", "PermissionsModifyAllData")
"""User permissions of which one opens the Metadata API."""

_TYPES = (
    (OBJECT, "objects", "object", ("CustomField", "ListView")),
    (PERMISSIONS, "permissionsets", "permissionset", ()),
)


def check_may_use(org: Org, user_id: str, status: int = 500) -> None:
    """That the user may change metadata. OrgError INSUFFICIENT_ACCESS, of that status, where not."""
    if org.access.permits(user_id, *ADMINS):
        return
    raise OrgError(
        status, "INSUFFICIENT_ACCESS", "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"
    )


def save(org: Org, user_id: str, message: Message) -> str:
    """CreateMetadata, updateMetadata and upsertMetadata; with allOrNone one refusal leaves all."""
    given = _given(message)
    verb = message.operation.removesuffix("Metadata")
    catalogue = Catalogue.of(org)
    judged = [(component, refusals(catalogue, component, verb)) for component in given]
    is_halted = message.all_or_none and any(problems for _, problems in judged)
    results = []
    for component, problems in judged:
        created = False
        refused = problems
        if is_halted and not refused:
            refused = [
                Problem(
                    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                    "Record rolled back because not all records were valid and the request was using AllOrNone header",
                )
            ]
        if not refused:
            # An earlier component of this call may stand in the way, or make room.
            refused = refusals(catalogue, component, verb)
        if not refused:
            created, _ = catalogue.save(user_id, component)
        results.append(_saved(component.full_name, refused, {"created": created} if verb == "upsert" else {}))
    return "".join(results)


def delete(org: Org, _user_id: str, message: Message) -> str:
    """DeleteMetadata."""
    catalogue, kind = Catalogue.of(org), _known(one(message.tree, "type"))
    results = []
    for name in _few(texts(message.tree, "fullNames")):
        held = catalogue.find(kind, name)
        if held is None:
            results.append(_saved(name, [Problem("INVALID_CROSS_REFERENCE_KEY", f"no {kind} named {name} found")], {}))
        else:
            catalogue.drop(held)
            results.append(_saved(name, [], {}))
    return "".join(results)


def read(org: Org, _user_id: str, message: Message) -> str:
    """ReadMetadata: one record for each name, an empty one where there is none."""
    catalogue, kind = Catalogue.of(org), _known(one(message.tree, "type"))
    held = [catalogue.find(kind, name) for name in _few(texts(message.tree, "fullNames"))]
    return to_raw("result", "".join(record_text(kind, catalogue.read(found) if found is not None else {}) for found in held))


def list_all(org: Org, _user_id: str, message: Message) -> str:
    """ListMetadata: what there is of at most three types."""
    queries = branches(message.tree, "queries")
    if len(queries) > MOST_QUERIES:
        raise OrgError(500, "LIMIT_EXCEEDED", f"listMetadata takes {MOST_QUERIES} queries, but these are {len(queries)}")
    catalogue, results = Catalogue.of(org), []
    for query in queries:
        kind = _known(one(query, "type"))
        if kind == OBJECT:
            results += [_file(org, Component(OBJECT, found.name, {}), "objects", "object") for found in org.schema]
        else:
            folder, suffix = ("permissionsets", "permissionset") if kind == PERMISSIONS else ("objects", "object")
            results += [_file(org, found, folder, suffix) for found in catalogue.all(kind)]
    return "".join(results)


def describe(_org: Org, _user_id: str, _message: Message) -> str:
    """DescribeMetadata: the types that the sandbox knows."""
    told = [
        {"childXmlNames": list(children), "directoryName": folder, "inFolder": False, "metaFile": False, "suffix": suffix, "xmlName": name}
        for name, folder, suffix, children in _TYPES
    ]
    return to_xml("result", {"metadataObjects": told, "organizationNamespace": "", "partialSaveAllowed": True, "testRequired": False})


def describe_value_type(_org: Org, _user_id: str, message: Message) -> str:
    """DescribeValueType: the names of a type's elements; their kinds are not told apart."""
    kind = _known(one(message.tree, "type").rpartition("}")[2])
    elements = [
        {
            "isForeignKey": False,
            "isNameField": name == "fullName",
            "minOccurs": 0,
            "name": name,
            "soapType": "string",
            "valueRequired": False,
        }
        for name in sorted(ELEMENTS.get(kind, ()))
    ]
    return to_xml(
        "result", {"apiCreatable": True, "apiDeletable": True, "apiReadable": True, "apiUpdatable": True, "valueTypeFields": elements}
    )


def deploy(org: Org, user_id: str, message: Message) -> str:
    """Deploy: the archive is queued."""
    options = branches(message.tree, "DeployOptions")
    made = Deployments.of(org).begin(user_id, one(message.tree, "ZipFile"), options[0] if options else {})
    return to_xml("result", {"done": False, "id": made.id, "state": "Queued"})


def check_deploy_status(org: Org, _user_id: str, message: Message) -> str:
    """CheckDeployStatus."""
    found = Deployments.of(org).find(one(message.tree, "asyncProcessId"))
    return status_text(found, _user_name(org, found.user_id), with_details=flag(message.tree, "includeDetails"))


def cancel_deploy(org: Org, _user_id: str, message: Message) -> str:
    """CancelDeploy."""
    deployments = Deployments.of(org)
    found = deployments.find(one(message.tree, "String") or one(message.tree, "asyncProcessId"))
    deployments.cancel(found)
    return to_xml("result", {"done": found.is_done, "id": found.id})


def begin_retrieve(org: Org, user_id: str, message: Message) -> str:
    """Retrieve: ready at once, but to be asked for like any other."""
    asked = branches(message.tree, "retrieveRequest")
    made = retrieve(org, user_id, asked[0] if asked else {})
    return to_xml("result", {"done": False, "id": made.id, "state": "Queued"})


def check_retrieve_status(org: Org, _user_id: str, message: Message) -> str:
    """CheckRetrieveStatus, with the archive unless it is not wanted."""
    found = find_retrieval(org, one(message.tree, "asyncProcessId"))
    files = [_properties(org, component, name) for name, component in found.files]
    return retrieval_text(found, files, with_archive=one(message.tree, "includeZip").lower() != "false")


def check_status(org: Org, _user_id: str, message: Message) -> str:
    """CheckStatus, the old way to ask whether a retrieval is done."""
    found = find_retrieval(org, one(message.tree, "asyncProcessId"))
    return to_xml("result", {"done": True, "id": found.id, "state": "Completed"})


OPERATIONS: dict[str, Callable[[Org, str, Message], str]] = {
    "createMetadata": save,
    "updateMetadata": save,
    "upsertMetadata": save,
    "deleteMetadata": delete,
    "readMetadata": read,
    "listMetadata": list_all,
    "describeMetadata": describe,
    "describeValueType": describe_value_type,
    "deploy": deploy,
    "checkDeployStatus": check_deploy_status,
    "cancelDeploy": cancel_deploy,
    "retrieve": begin_retrieve,
    "checkRetrieveStatus": check_retrieve_status,
    "checkStatus": check_status,
}


def _given(message: Message) -> list[Component]:
    found = []
    for element in message.element:
        if local(element) == "metadata":
            kind, tree = _known(type_of(element)), to_tree(element)
            values: Tree = tree if isinstance(tree, dict) else {}
            found.append(Component(kind, one(values, "fullName"), values))
    if len({component.type for component in found}) > 1:
        raise OrgError(500, "INVALID_TYPE", "All components of a call must be of the same type")
    return _few(found)


def _few(items: list[Any]) -> list[Any]:
    if len(items) > MOST:
        raise OrgError(500, "LIMIT_EXCEEDED", f"A call takes {MOST} components, but these are {len(items)}")
    return items


def _known(kind: str) -> str:
    if kind not in {FIELD, PERMISSIONS, VIEW, OBJECT}:
        raise OrgError(500, "INVALID_TYPE", f"INVALID_TYPE: This type of metadata is not available for this organization: {kind}")
    return kind


def refusals(catalogue: Catalogue, component: Component, verb: str) -> list[Problem]:
    """Why a component cannot be made (``create``), changed (``update``) or either (``upsert``)."""
    held = catalogue.find(component.type, component.full_name)
    if verb == "create" and held is not None:
        if component.type == FIELD:
            return [
                Problem(
                    "DUPLICATE_DEVELOPER_NAME",
                    f"There is already a field named {component.own_name.removesuffix('__c')} on {component.object}.",
                )
            ]
        text = f"The {component.type} name you specified is already in use: {component.own_name}"
        return [Problem("DUPLICATE_DEVELOPER_NAME", text)]
    if verb == "update" and held is None:
        return [Problem("INVALID_CROSS_REFERENCE_KEY", f"no {component.type} named {component.full_name} found")]
    return [problem for problem in catalogue.check(component) if not problem.is_warning]


def _saved(full_name: str, problems: list[Problem], more: dict[str, object]) -> str:
    errors = [{"message": problem.text, "statusCode": problem.code} for problem in problems]
    return to_xml("result", {**more, "errors": errors, "fullName": full_name, "success": not problems})


def _file(org: Org, component: Component, folder: str, suffix: str) -> str:
    stem = component.object or component.full_name
    return to_xml("result", _properties(org, component, f"{folder}/{stem}.{suffix}"))


def _properties(org: Org, component: Component, file_name: str) -> dict[str, str]:
    author, changer = component.created_by or org.admin_id, component.modified_by or org.admin_id
    return {
        "createdById": author,
        "createdByName": _user_name(org, author),
        "createdDate": stamp(component.created_ms),
        "fileName": file_name,
        "fullName": component.full_name,
        "id": component.id,
        "lastModifiedById": changer,
        "lastModifiedByName": _user_name(org, changer),
        "lastModifiedDate": stamp(component.modified_ms),
        "manageableState": "unmanaged",
        "type": component.type,
    }


def _user_name(org: Org, user_id: str) -> str:
    held = org.store("User").rows.get(user_id)
    return str(held.values.get("Name", "")) if held is not None else ""
