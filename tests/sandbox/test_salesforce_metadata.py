"""The Metadata API of the sandbox's org: what it takes, what it refuses, and what a client then sees."""

import base64
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest
from zeep.exceptions import Fault

from sandbox.clock import Clock
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.metadata.catalogue import Catalogue
from sandbox.salesforce.metadata.component import ELEMENTS, FIELD, PERMISSIONS, VIEW, Component
from sandbox.salesforce.metadata.deploying import Deployment, Deployments
from sandbox.salesforce.metadata.tree import Tree, parse, to_tree
from sandbox.salesforce.options import OrgOptions
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field

# What was made with the client is closed with it; urllib3 leaves that to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
TEXT = "<label>X</label><length>18</length><type>Text</type>"
PICKLIST = (
    "<label>State</label><type>Picklist</type><valueSet><restricted>true</restricted><valueSetDefinition><sorted>false</sorted>"
    "<value><fullName>silent</fullName><default>false</default><label>Silent</label></value>"
    "<value><fullName>engaged</fullName><default>false</default><label>Engaged</label></value></valueSetDefinition></valueSet>"
)


def tree(text: str) -> Tree:
    found = to_tree(parse(f"<x>{text}</x>".encode()))
    return found if isinstance(found, dict) else {}


def field(name: str, text: str = TEXT) -> Component:
    return Component(FIELD, name, tree(f"<fullName>{name}</fullName>{text}"))


def permissions(*entries: str, name: str = "Ours") -> Component:
    return Component(PERMISSIONS, name, tree(f"<fullName>{name}</fullName><label>{name}</label>{''.join(entries)}"))


def grants(path: str, *, editable: bool = True) -> str:
    flag = str(editable).lower()
    return f"<fieldPermissions><editable>{flag}</editable><field>{path}</field><readable>true</readable></fieldPermissions>"


def view(*parts: str, columns: str = "<columns>FULL_NAME</columns>", scope: str = "Everything") -> Component:
    text = f"{columns}<filterScope>{scope}</filterScope><label>Silent</label>{''.join(parts)}"
    return Component(VIEW, "Contact.Silent", tree(f"<fullName>Contact.Silent</fullName>{text}"))


def manifest(**members: list[str]) -> str:
    types = "".join(
        f"<types>{''.join(f'<members>{one}</members>' for one in many)}<name>{kind}</name></types>" for kind, many in members.items()
    )
    return f"<Package {SPACE}>{types}<version>59.0</version></Package>"


def archive(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, text in files.items():
            opened.writestr(name, text)
    return made.getvalue()


def package(fields: dict[str, str], permission_set: str = "", views: str = "", *, kind: str = "Contact") -> bytes:
    """An archive with fields of one object, perhaps a list view of it, and perhaps a permission set."""
    inner = "".join(f"<fields><fullName>{name}</fullName>{text}</fields>" for name, text in fields.items())
    members = {"CustomField": [f"{kind}.{name}" for name in fields]}
    files = {f"objects/{kind}.object": f"<CustomObject {SPACE}>{inner}{views}</CustomObject>"}
    if views:
        members["ListView"] = [f"{kind}.Silent"]
    if permission_set:
        members["PermissionSet"] = ["Ours"]
        files["permissionsets/Ours.permissionset"] = f"<PermissionSet {SPACE}><label>Ours</label>{permission_set}</PermissionSet>"
    return archive(**{"package.xml": manifest(**members), **files})


@pytest.fixture
def org() -> Org:
    """An org whose deployments take no time."""
    options = SandboxOptions(org=OrgOptions(bulk_job_s=(0.0, 0.0)))
    return Org(options, Clock(datetime(2026, 11, 23, 9, tzinfo=UTC)))


def refusals(org: Org, component: Component) -> list[str]:
    return [problem.text for problem in Catalogue.of(org).check(component)]


def deployed(org: Org, data: bytes, **options: str) -> Deployment:
    deployments = Deployments.of(org)
    given = {name: [text] for name, text in {"rollbackOnError": "true", **options}.items()}
    made = deployments.begin(org.integration_id, base64.b64encode(data).decode(), given)
    deployments.settle()
    return made


# Custom fields


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Contact.X", TEXT, "fullName must end with: __c"),
        ("Contact.X__Y__c", TEXT, "can only contain underscores and alphanumeric characters"),
        (f"Contact.{'X' * 41}__c", TEXT, "data value too large"),
        ("Nope__c.X__c", TEXT, "bad value for restricted picklist field: Nope__c"),
        ("Task.X__c", TEXT, "bad value for restricted picklist field: Task"),
        ("Contact.X__c", "<length>18</length><type>Text</type>", "Must specify a non-empty label for the CustomField"),
        ("Contact.X__c", f"<label>{'X' * 41}</label><length>1</length><type>Text</type>", "Field Label: data value too large"),
        ("Contact.X__c", "<label>X</label><type>Text</type>", "Must specify 'length' for a CustomField of type Text"),
        ("Contact.X__c", "<label>X</label><length>256</length><type>Text</type>", "length must be between 1 and 255"),
        (
            "Contact.X__c",
            "<label>X</label><length>255</length><type>LongTextArea</type><visibleLines>3</visibleLines>",
            "length must be between 256",
        ),
        ("Contact.X__c", "<label>X</label><length>256</length><type>LongTextArea</type>", "Must specify 'visibleLines'"),
        (
            "Contact.X__c",
            "<label>X</label><length>256</length><required>false</required><type>LongTextArea</type><visibleLines>3</visibleLines>",
            "Can not specify 'required' for a CustomField of type LongTextArea",
        ),
        (
            "Contact.X__c",
            "<label>X</label><externalId>true</externalId><type>Date</type>",
            "Can not specify 'externalId' for a CustomField of type Date",
        ),
        (
            "Contact.X__c",
            "<label>X</label><precision>18</precision><type>Number</type>",
            "Must specify 'scale' for a CustomField of type Number",
        ),
        (
            "Contact.X__c",
            "<label>X</label><precision>19</precision><scale>0</scale><type>Number</type>",
            "precision must be between 1 and 18",
        ),
        (
            "Contact.X__c",
            "<label>X</label><precision>3</precision><scale>4</scale><type>Percent</type>",
            "precision must be between 1 and 18",
        ),
        ("Contact.X__c", "<label>X</label><type>Picklist</type>", "Must specify 'valueSet' for a CustomField of type Picklist"),
        ("Contact.X__c", PICKLIST.replace("engaged", "SILENT"), "Duplicate value name: SILENT"),
        ("Contact.X__c", "<label>X</label><type>Checkbox</type>", "Must specify 'defaultValue' for a CustomField of type Checkbox"),
        ("Contact.X__c", "<label>X</label><type>Wish</type>", "'Wish' is not a valid value for the enum 'FieldType'"),
        ("Contact.X__c", "<label>X</label><type>AutoNumber</type>", "makes no fields of type AutoNumber"),
        ("Contact.X__c", f"{TEXT}<colour>red</colour>", "Element colour invalid at this location in type CustomField"),
        ("Contact.X__c", "<label>X</label><referenceTo>Nope</referenceTo><type>Lookup</type>", "does not resolve to a valid sObject type"),
    ],
)
def test_a_field_that_salesforce_would_not_make(org: Org, name: str, text: str, words: str) -> None:
    """It is refused with a reason, and only that one."""
    [told] = refusals(org, field(name, text))
    assert words in told


@pytest.mark.parametrize(
    ("text", "kind", "facts"),
    [
        (TEXT, "string", {"length": 18, "filterable": True}),
        ("<label>X</label><length>4000</length><type>LongTextArea</type><visibleLines>4</visibleLines>", "textarea", {"filterable": False}),
        ("<label>X</label><precision>3</precision><scale>0</scale><type>Percent</type>", "percent", {"precision": 3, "scale": 0}),
        ("<label>X</label><precision>18</precision><scale>0</scale><type>Number</type>", "double", {"precision": 18}),
        ("<label>X</label><type>DateTime</type>", "datetime", {"groupable": False}),
        ("<label>X</label><defaultValue>true</defaultValue><type>Checkbox</type>", "boolean", {"default": True, "nillable": False}),
        (PICKLIST, "picklist", {"restricted": True}),
        (f"{TEXT}<externalId>true</externalId><unique>true</unique>", "string", {"external_id": True, "unique": True, "id_lookup": True}),
    ],
)
def test_a_field_becomes_what_describe_calls_it(org: Org, text: str, kind: str, facts: dict[str, Any]) -> None:
    """Each type of the Metadata API has its type in describe, with the flags that follow from it."""
    made = field("Contact.X__c", text)
    assert refusals(org, made) == []
    Catalogue.of(org).save(org.admin_id, made)
    found = org.schema.object("Contact").field("X__c")
    assert (found.type, {name: getattr(found, name) for name in facts}) == (kind, facts)


def test_a_field_of_activity_stands_on_tasks_and_events(org: Org) -> None:
    """It is defined once and seen twice."""
    Catalogue.of(org).save(org.admin_id, field("Activity.Key__c", f"{TEXT}<externalId>true</externalId>"))
    assert [org.schema.object(name).field("Key__c").external_id for name in ("Task", "Event")] == [True, True]


def test_a_required_field_is_seen_by_everybody(org: Org) -> None:
    """It needs no permission, and a permission set may not name it."""
    Catalogue.of(org).save(org.admin_id, field("Contact.Must__c", f"{TEXT}<required>true</required>"))
    assert org.access.sees(org.integration_id, "Contact", "Must__c")
    assert refusals(org, permissions(grants("Contact.Must__c"))) == ["You cannot deploy to a required field: Contact.Must__c"]


def test_an_object_has_room_for_25_external_ids(org: Org) -> None:
    """The 26th is refused; a field that is one already may be changed."""
    text = f"{TEXT}<externalId>true</externalId>"
    for number in range(25):
        Catalogue.of(org).save(org.admin_id, field(f"Contact.X{number}__c", text))
    [told] = refusals(org, field("Contact.One_More__c", text))
    assert "external ID fields (25)" in told
    assert refusals(org, field("Contact.X3__c", text)) == []


def test_an_object_has_room_for_500_custom_fields(org: Org) -> None:
    """One more is refused."""
    for number in range(500):
        org.add_field("Contact", Field(f"X{number}__c", "X", "string", length=5, custom=True))
    [told] = refusals(org, field("Contact.One_More__c"))
    assert "custom fields (500)" in told


def test_a_lookup_is_followed_both_ways(org: Org) -> None:
    """The parent is reached by the field's name with __r, the children by the relationship's; both go with the field."""
    text = "<label>Mentor</label><referenceTo>Contact</referenceTo><relationshipName>Pupils</relationshipName><type>Lookup</type>"
    catalogue, contact = Catalogue.of(org), org.schema.object("Contact")
    for _ in range(2):
        catalogue.save(org.admin_id, field("Contact.Mentor__c", text.replace("Mentor<", "Tutor<") if contact.field("Mentor__c") else text))
    assert contact.relationship("Mentor__r").name == "Mentor__c"
    assert [child.field for child in contact.children if child.relationship == "Pupils__r"] == ["Mentor__c"]
    catalogue.drop(catalogue.find(FIELD, "Contact.Mentor__c"))
    assert (contact.relationship("Mentor__r"), contact.child("Pupils__r")) == (None, None)


def test_values_taken_out_of_a_picklist_become_inactive(org: Org) -> None:
    """Records keep them, but nobody may choose them."""
    catalogue = Catalogue.of(org)
    catalogue.save(org.admin_id, field("Contact.State__c", PICKLIST))
    catalogue.save(org.admin_id, field("Contact.State__c", PICKLIST.replace("engaged", "lively")))
    picks = org.schema.object("Contact").field("State__c").picks
    assert [(pick.value, pick.is_active) for pick in picks] == [("silent", True), ("lively", True), ("engaged", False)]


def test_a_deleted_field_takes_its_values_with_it(org: Org) -> None:
    """Values, permissions and columns are gone, and do not come back with a field of the same name."""
    catalogue = Catalogue.of(org)
    catalogue.save(org.admin_id, field("Contact.X__c"))
    catalogue.save(org.admin_id, permissions(grants("Contact.X__c")))
    catalogue.save(org.admin_id, view(columns="<columns>FULL_NAME</columns><columns>X__c</columns>"))
    contact = org.import_record("Contact", {"LastName": "Nair", "X__c": "kept"})
    catalogue.drop(catalogue.find(FIELD, "contact.x__c"))
    catalogue.save(org.admin_id, field("Contact.X__c"))
    assert contact.values.get("X__c") is None
    assert "fieldPermissions" not in catalogue.find(PERMISSIONS, "Ours").values
    assert catalogue.find(VIEW, "Contact.Silent").values["columns"] == ["FULL_NAME"]


# Permission sets and list views


def test_a_field_is_invisible_until_an_assigned_permission_set_grants_it(org: Org) -> None:
    """Neither making it nor granting it is enough: the set must be assigned."""
    catalogue, user = Catalogue.of(org), org.integration_id
    catalogue.save(org.admin_id, field("Contact.X__c"))
    catalogue.save(org.admin_id, permissions(grants("Contact.X__c", editable=False)))
    assert not org.access.sees(user, "Contact", "X__c")
    org.create(org.admin_id, "PermissionSetAssignment", {"AssigneeId": user, "PermissionSetId": catalogue.find(PERMISSIONS, "Ours").id})
    assert org.access.sees(user, "Contact", "X__c")
    assert not org.access.edits(user, "Contact", "X__c")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (grants("Contact.Nope__c"), "In field: field - no CustomField named Contact.Nope__c found"),
        (grants("Activity.Subject"), "In field: field - no CustomField named Activity.Subject found"),
        (grants("Contact.Title") * 2, "Duplicate fieldPermissions for field Contact.Title"),
        (
            "<objectPermissions><allowCreate>true</allowCreate><object>Contact</object></objectPermissions>",
            "Permission Create Contact depends on permission(s): Read Contact",
        ),
        ("<objectPermissions><allowRead>true</allowRead><object>Nope</object></objectPermissions>", "no CustomObject named Nope found"),
        ("<userPermissions><enabled>true</enabled><name>FlyHigh</name></userPermissions>", "Unknown user permission: FlyHigh"),
    ],
)
def test_a_permission_set_that_salesforce_would_not_make(org: Org, entry: str, words: str) -> None:
    """It is refused with a reason."""
    [told] = refusals(org, permissions(entry))
    assert words in told


def test_fields_of_activities_are_granted_on_tasks_and_events(org: Org) -> None:
    """The two share what is granted: naming one grants both."""
    catalogue = Catalogue.of(org)
    catalogue.save(org.admin_id, field("Activity.Key__c"))
    catalogue.save(org.admin_id, permissions(grants("Task.Key__c")))
    entries = catalogue.find(PERMISSIONS, "Ours").values["fieldPermissions"]
    assert [entry["field"] for entry in entries] == [["Event.Key__c"], ["Task.Key__c"]]


def test_a_permission_set_holds_exactly_what_was_deployed_last(org: Org) -> None:
    """What the new file does not say is taken away; the records that grant say the same."""
    catalogue = Catalogue.of(org)
    allows = "<objectPermissions><allowRead>true</allowRead><object>Case</object></objectPermissions>"
    catalogue.save(org.admin_id, permissions(grants("Contact.Title"), grants("Lead.Title"), allows))
    catalogue.save(org.admin_id, permissions(grants("Lead.Title", editable=False)))
    held = catalogue.find(PERMISSIONS, "Ours")
    paths = [
        (entry.values["Field"], entry.values["PermissionsEdit"]) for entry in org.store("FieldPermissions").children("ParentId", held.id)
    ]
    assert (paths, org.store("ObjectPermissions").children("ParentId", held.id)) == ([("Lead.Title", False)], [])


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (view(columns="<columns>Nope__c</columns>"), "Could not resolve list view column: Nope__c"),
        (view(columns="<columns>Title</columns>"), "Could not resolve list view column: Title"),
        (view(columns="<columns>FULL_NAME</columns>" * 16), "may have 15 columns"),
        (view(scope="Elsewhere"), "'Elsewhere' is not a valid value for the enum 'FilterScope'"),
        (view(scope="Queue"), "Invalid scope:Queue"),
        (view("<filters><field>Nope__c</field><operation>equals</operation></filters>"), "Could not resolve list view column: Nope__c"),
        (
            view("<filters><field>CONTACT.TITLE</field><operation>like</operation></filters>"),
            "'like' is not a valid value for the enum 'FilterOperation'",
        ),
        (view("<filters><field>CONTACT.CREATED_DATE</field><operation>contains</operation></filters>"), "Invalid operator contains"),
        (
            view("<booleanFilter>1 OR 2</booleanFilter><filters><field>CONTACT.TITLE</field><operation>equals</operation></filters>"),
            "Invalid boolean filter",
        ),
    ],
)
def test_a_list_view_that_salesforce_would_not_make(org: Org, component: Component, words: str) -> None:
    """It is refused with a reason."""
    [told] = refusals(org, component)
    assert words in told


# Deployments


def test_a_package_is_deployed_and_the_second_time_changes_nothing(org: Org) -> None:
    """Fields come before what names them, whatever the order of the files; the same again is no change."""
    data = package(
        {"State__c": PICKLIST},
        grants("Contact.State__c"),
        "<listViews><fullName>Silent</fullName><columns>State__c</columns><filterScope>Everything</filterScope><label>Silent</label></listViews>",
    )
    first, second = deployed(org, data), deployed(org, data)
    assert (first.status, first.total, [line.is_created for line in first.lines]) == ("Succeeded", 3, [True, True, True])
    assert (second.status, [line.is_changed for line in second.lines]) == ("Succeeded", [False, False, False])
    assert [one.values["DeveloperName"] for one in org.store("ListView")] == ["Silent"]


def test_one_refusal_rolls_all_back(org: Org) -> None:
    """With rollbackOnError nothing is done; without it the sound part is."""
    data = package({"Good__c": TEXT, "Bad__c": "<label>Bad</label><type>Text</type>"})
    assert deployed(org, data).status == "Failed"
    assert org.schema.object("Contact").field("Good__c") is None
    partly = deployed(org, data, rollbackOnError="false")
    assert (partly.status, partly.failed, partly.total) == ("SucceededPartial", 1, 2)
    assert org.schema.object("Contact").field("Good__c") is not None


def test_a_check_does_nothing(org: Org) -> None:
    """CheckOnly tells what would be done."""
    done = deployed(org, package({"X__c": TEXT}), checkOnly="true")
    assert (done.status, done.lines[0].is_created, org.schema.object("Contact").field("X__c")) == ("Succeeded", True, None)


def test_components_are_destroyed_before_and_after(org: Org) -> None:
    """What is destroyed before makes room for a new one of that name; what is not there is a warning."""
    deployed(org, package({"X__c": TEXT, "Y__c": TEXT}))
    org.import_record("Contact", {"LastName": "Nair", "X__c": "old"})
    number = "<fields><fullName>X__c</fullName><label>X</label><precision>3</precision><scale>0</scale><type>Number</type></fields>"
    done = deployed(
        org,
        archive(
            **{
                "package.xml": manifest(CustomField=["Contact.X__c"]),
                "objects/Contact.object": f"<CustomObject {SPACE}>{number}</CustomObject>",
                "destructiveChanges.xml": manifest(CustomField=["Contact.X__c", "Contact.Nope__c"]),
                "destructiveChangesPost.xml": manifest(CustomField=["Contact.Y__c"]),
            }
        ),
    )
    warnings = [line.problem.text for line in done.lines if line.problem]
    assert (done.status, warnings) == ("Succeeded", ["No CustomField named: Contact.Nope__c found"])
    contact = org.schema.object("Contact")
    assert (contact.field("X__c").type, contact.field("Y__c")) == ("double", None)
    assert [one.values.get("X__c") for one in org.store("Contact")] == [None]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"package.xml": manifest(CustomField=["Contact.X__c"])}, "was named in package.xml, but was not found in zipped directory"),
        (
            {
                "package.xml": manifest(),
                "objects/Contact.object": f"<CustomObject {SPACE}><fields><fullName>X__c</fullName>{TEXT}</fields></CustomObject>",
            },
            "Not in package.xml",
        ),
        ({"package.xml": manifest(Spaceship=["X"])}, "Unknown type name 'Spaceship' specified in package.xml"),
        ({"package.xml": "<Package"}, "Error parsing file"),
        ({"package.xml": manifest(), "classes/X.cls": "class X {}"}, "deploys nothing from the folder classes"),
    ],
)
def test_an_archive_that_does_not_fit(org: Org, files: dict[str, str], words: str) -> None:
    """Each fault is told, and nothing is done."""
    done = deployed(org, archive(**files))
    assert done.status == "Failed"
    assert any(words in line.problem.text for line in done.lines if line.problem)


@pytest.mark.parametrize(("data", "words"), [(b"no zip", "no zip file"), (archive(**{"readme.txt": "hello"}), "No package.xml found")])
def test_bytes_that_are_no_archive(org: Org, data: bytes, words: str) -> None:
    """The deployment fails as a whole."""
    done = deployed(org, data)
    assert (done.status, words in done.error) == ("Failed", True)


def test_a_deployment_waits_for_its_turn_and_can_be_cancelled() -> None:
    """Pending, InProgress, Succeeded with the clock; cancelled, it does nothing."""
    org = Org(SandboxOptions(org=OrgOptions(bulk_job_s=(100.0, 100.0))), Clock(datetime(2026, 11, 23, 9, tzinfo=UTC)))
    deployments, text = Deployments.of(org), base64.b64encode(package({"X__c": TEXT})).decode()
    first, second = deployments.begin(org.admin_id, text, {}), deployments.begin(org.admin_id, text, {})
    states = []
    for _ in range(3):
        deployments.settle()
        states.append(first.status)
        org.clock.advance(60)
        if not second.is_done:
            deployments.cancel(second)
    assert (states, second.status) == (["Pending", "InProgress", "Succeeded"], "Canceled")
    with pytest.raises(OrgError, match="already completed"):
        deployments.cancel(first)


# Through the client library


class Local(HTTPAdapter):
    """Sends what is meant for Salesforce's hosts to the sandbox."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = urlsplit(base)

    def send(self, request: Any, *args: Any, **more: Any) -> Any:
        """Send one request."""
        there = urlsplit(request.url)
        request.headers["Host"] = there.netloc
        request.url = urlunsplit((self._base.scheme, self._base.netloc, there.path, there.query, ""))
        return super().send(request, *args, **{**more, "proxies": {}})


def signed_in(sandbox: Sandbox) -> Salesforce:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Local(sandbox.base_url))
    options = sandbox.org.org
    made = Salesforce(consumer_key=options.consumer_key, consumer_secret=options.consumer_secret, domain=options.domain, session=session)
    made.mdapi._client.transport.session = session
    return made


@pytest.fixture
def sf() -> Iterator[Any]:
    """The client as it is, on an org whose deployments take no time; the sandbox stands beside it as ``sandbox``."""
    options = SandboxOptions(org=OrgOptions(bulk_job_s=(0.0, 0.0)))
    with run_sandbox(options=options) as sandbox:
        made = signed_in(sandbox)
        made.sandbox = sandbox
        yield made
        made.session.close()


def test_the_client_makes_reads_changes_and_deletes_components(sf: Any) -> None:
    """All calls for single components, through zeep's types."""
    api = sf.mdapi
    made = {"type": api.FieldType("Text"), "label": "X", "length": 18}
    api.CustomField.create(api.CustomField(fullName="Contact.X__c", **made, externalId=True, unique=True, caseSensitive=True))
    held = api.CustomField.read(["Contact.X__c"])
    assert (held.fullName, held.length, held.unique, held.type) == ("Contact.X__c", 18, True, "Text")
    api.CustomField.update([api.CustomField(fullName="Contact.X__c", **{**made, "length": 30})])
    assert api.CustomField.read(["Contact.X__c"]).length == 30
    api.PermissionSet.upsert(
        [api.PermissionSet(fullName="Ours", label="Ours", fieldPermissions=[{"field": "Contact.X__c", "editable": True, "readable": True}])]
    )
    assert [entry.field for entry in api.PermissionSet.read(["Ours"]).fieldPermissions] == ["Contact.X__c"]
    api.ListView.create([api.ListView(fullName="Contact.L", label="L", filterScope="Everything", columns=["FULL_NAME", "X__c"])])
    assert api.ListView.read(["Contact.L"]).columns == ["FULL_NAME", "X__c"]
    listed = api.list_metadata([api.ListMetadataQuery(type=kind) for kind in ("CustomField", "PermissionSet", "ListView")])
    assert {one.fullName for one in listed} >= {"Contact.X__c", "Ours", "Contact.L"}
    for kind, name in (("ListView", "Contact.L"), ("PermissionSet", "Ours"), ("CustomField", "Contact.X__c")):
        getattr(api, kind).delete([name])
        assert getattr(api, kind).read([name, "Contact.Nope"])[0].fullName is None
    assert [one.xmlName for one in api.describe_metadata().metadataObjects] == ["CustomObject", "PermissionSet"]


def test_the_client_is_told_why_a_component_is_refused(sf: Any) -> None:
    """Status code and text stand in the result of each."""
    api = sf.mdapi
    made = api.CustomField(fullName="Contact.X__c", type=api.FieldType("Text"), label="X", length=18)
    api.CustomField.create([made])
    with pytest.raises(Exception, match=r"\(DUPLICATE_DEVELOPER_NAME, There is already a field named X on Contact\.\)"):
        api.CustomField.create([made])
    with pytest.raises(Exception, match="INVALID_CROSS_REFERENCE_KEY"):
        api.CustomField.delete(["Contact.Nope__c"])


def test_all_or_none_leaves_all(sf: Any) -> None:
    """With that header one refused component keeps the others of its call from being made."""
    api = sf.mdapi
    good = api.CustomField(fullName="Contact.Good__c", type=api.FieldType("Date"), label="Good")
    bad = api.CustomField(fullName="Contact.Bad__c", type=api.FieldType("Text"), label="Bad")
    header = api._client.get_element("ns0:AllOrNoneHeader")(allOrNone=True)
    results = api._service.createMetadata([good, bad], _soapheaders=[api._session_header, header])
    codes = [(one.success, one.errors[0].statusCode) for one in results]
    assert codes == [(False, "ALL_OR_NONE_OPERATION_ROLLED_BACK"), (False, "FIELD_INTEGRITY_EXCEPTION")]
    assert sf.sandbox.org.schema.object("Contact").field("Good__c") is None
    results = api._service.upsertMetadata([good, bad], _soapheaders=[api._session_header])
    assert [(one.success, one.created) for one in results] == [(True, True), (False, False)]


def test_types_describe_themselves(sf: Any) -> None:
    """The elements of a type are listed, and so are all objects, but no more than three types in a call."""
    api = sf.mdapi
    told = api.CustomField.describe()
    assert (told.apiCreatable, {one.name for one in told.valueTypeFields} >= {"fullName", "label", "valueSet"}) == (True, True)
    assert "Contact" in [one.fullName for one in api.list_metadata([api.ListMetadataQuery(type="CustomObject")])]
    with pytest.raises(Fault, match="LIMIT_EXCEEDED"):
        api.list_metadata([api.ListMetadataQuery(type="CustomField")] * 4)
    with pytest.raises(Fault, match="INVALID_TYPE"):
        api.Layout.read(["Contact-Layout"])


def test_the_client_cancels_a_deployment() -> None:
    """One that waits is cancelled, and its status says so."""
    with run_sandbox(options=SandboxOptions(org=OrgOptions(bulk_job_s=(100.0, 100.0)))) as sandbox:
        client = signed_in(sandbox)
        api = client.mdapi
        process, _ = api.deploy(io.BytesIO(package({"X__c": TEXT})), sandbox=False)
        assert api._service.cancelDeploy(process, _soapheaders=[api._session_header]).done is True
        assert client.checkDeployStatus(process)["state"] == "Canceled"
        client.session.close()


def test_a_call_takes_ten_components(sf: Any) -> None:
    """More are refused with a fault."""
    with pytest.raises(Fault, match="LIMIT_EXCEEDED"):
        sf.mdapi.CustomField.read([f"Contact.X{number}__c" for number in range(11)])


def test_the_client_deploys(sf: Any) -> None:
    """File, status and failures, as the library reads them; the field is then there, for whom it is granted."""
    process, state = sf.mdapi.deploy(io.BytesIO(package({"X__c": TEXT}, grants("Contact.Nope__c"))), sandbox=False)
    assert (process[:3], state) == ("0Af", "Queued")
    told = sf.checkDeployStatus(process)
    [failure] = told["deployment_detail"]["errors"]
    assert (told["state"], told["deployment_detail"]["failed_count"]) == ("Failed", "1")
    assert failure == {
        "type": "PermissionSet",
        "file": "permissionsets/Ours.permissionset",
        "status": "Error",
        "message": "In field: field - no CustomField named Contact.Nope__c found",
    }
    asked = sf.deploy(io.BytesIO(package({"X__c": TEXT}, grants("Contact.X__c"))), sandbox=False)
    assert sf.checkDeployStatus(asked["asyncId"])["state"] == "Succeeded"
    # After a deployment the library sends XML headers with everything, so somebody else looks.
    other = signed_in(sf.sandbox)
    assert "X__c" not in [one["name"] for one in other.Contact.describe()["fields"]]
    granted = other.query("SELECT Id FROM PermissionSet WHERE Name = 'Ours'")["records"][0]["Id"]
    other.PermissionSetAssignment.create({"AssigneeId": sf.sandbox.org.integration_id, "PermissionSetId": granted})
    assert "X__c" in [one["name"] for one in other.Contact.describe()["fields"]]
    soql = f"SELECT Field, PermissionsEdit FROM FieldPermissions WHERE ParentId = '{granted}'"  # noqa: S608 - an id of the sandbox's
    fields = other.query(soql)["records"]
    assert [(one["Field"], one["PermissionsEdit"]) for one in fields] == [("Contact.X__c", True)]
    other.session.close()


def test_what_the_client_retrieves_can_be_deployed_again(sf: Any) -> None:
    """The archive holds the components in the form in which they are deployed; deploying it changes nothing."""
    org = sf.sandbox.org
    seen = (
        "<listViews><fullName>Silent</fullName><columns>State__c</columns><filterScope>Everything</filterScope><label>S</label></listViews>"
    )
    deployed(org, package({"State__c": PICKLIST, "X__c": TEXT}, grants("Contact.State__c"), seen))
    wanted = {"CustomField": ["Contact.State__c", "Contact.Nope__c"], "ListView": ["*"], "PermissionSet": ["Ours"]}
    process, _ = sf.mdapi.retrieve("", unpackaged=wanted)
    state, _, messages, data = sf.mdapi.retrieve_zip(process)
    assert (state, messages) == ("Succeeded", [])
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert sorted(opened.namelist()) == ["objects/Contact.object", "package.xml", "permissionsets/Ours.permissionset"]
    again = deployed(org, data)
    assert (again.status, [line.is_changed for line in again.lines]) == ("Succeeded", [False, False, False])


def test_an_integration_that_may_not_define_is_refused() -> None:
    """Without the user permission every call is a fault."""
    with run_sandbox(options=SandboxOptions(org=OrgOptions(integration_may_define=False))) as sandbox:
        client = signed_in(sandbox)
        with pytest.raises(Fault, match="INSUFFICIENT_ACCESS"):
            client.mdapi.CustomField.read(["Contact.X__c"])
        client.session.close()


def test_what_is_no_call_is_a_fault_of_the_client(sf: Any) -> None:
    """An envelope without an operation that is known, and a text that is no envelope."""
    inside = f"<nope {SPACE}/>"
    header = f"<s:Header><SessionHeader {SPACE}><sessionId>{sf.session_id}</sessionId></SessionHeader></s:Header>"
    text = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">{header}<s:Body>{inside}</s:Body></s:Envelope>'
    url = f"{sf.mdapi.metadata_url}{sf.sandbox.org.org.org_id}"
    answer = sf.session.post(url, data=text, headers={"Content-Type": "text/xml"})
    assert (answer.status_code, b"No operation available for request" in answer.content) == (500, True)
    answer = sf.session.post(url, data=text.replace("</s:Body>", ""), headers={"Content-Type": "text/xml"})
    assert (answer.status_code, b"<faultcode>soapenv:Client</faultcode>" in answer.content) == (500, True)


def test_the_elements_are_those_of_the_wsdl(sf: Any) -> None:
    """What the sandbox takes in a component is what the client library's WSDL knows, and nothing else."""
    for kind, elements in ELEMENTS.items():
        known = {name for name, _ in sf.mdapi._client.get_type(f"ns0:{kind}").elements}
        assert elements - known - {"displayLocationInDecimal"} == set(), kind


def test_answers_are_well_formed(sf: Any) -> None:
    """Texts with angle brackets and ampersands survive."""
    api = sf.mdapi
    api.CustomField.create([api.CustomField(fullName="Contact.X__c", type=api.FieldType("Text"), label="<A & B>", length=18)])
    assert api.CustomField.read(["Contact.X__c"]).label == "<A & B>"


# The Tooling API


def test_a_field_is_made_read_changed_and_deleted_as_a_record(sf: Any) -> None:
    """The Tooling API defines the same field, with the same rules and refusals."""
    metadata = {"label": "X", "type": "Number", "precision": 5, "scale": 2, "required": False}
    made = sf.toolingexecute("sobjects/CustomField", method="POST", data={"FullName": "Contact.X__c", "Metadata": metadata})
    assert made == {"id": made["id"], "success": True, "errors": [], "warnings": [], "infos": []}
    path = f"sobjects/CustomField/{made['id']}"
    held = sf.toolingexecute(path)
    assert (held["FullName"], held["TableEnumOrId"], held["Metadata"]["scale"]) == ("Contact.X__c", "Contact", 2)
    answer = sf.session.patch(f"{sf.tooling_url}{path}", json={"Metadata": {**metadata, "label": "Y"}}, headers=sf.headers)
    assert (answer.status_code, sf.sandbox.org.schema.object("Contact").field("X__c").label) == (204, "Y")
    with pytest.raises(SalesforceMalformedRequest, match="There is already a field named X on Contact"):
        sf.toolingexecute("sobjects/CustomField", method="POST", data={"FullName": "Contact.X__c", "Metadata": metadata})
    assert sf.session.delete(f"{sf.tooling_url}{path}", headers=sf.headers).status_code == 204
    assert sf.sandbox.org.schema.object("Contact").field("X__c") is None


def test_a_picklist_keeps_its_values_in_json(sf: Any) -> None:
    """What was given comes back: switches as booleans, values under valueName."""
    values = [{"valueName": "a", "label": "A", "default": True}, {"valueName": "b", "label": "B", "default": False}]
    chosen = {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}}
    metadata = {"label": "P", "type": "Picklist", "valueSet": chosen}
    sf.toolingexecute("sobjects/CustomField", method="POST", data={"FullName": "Contact.P__c", "Metadata": metadata})
    [row] = sf.toolingexecute("query", params={"q": "SELECT FullName, Metadata FROM CustomField WHERE DeveloperName = 'P'"})["records"]
    assert (row["FullName"], row["Metadata"]["valueSet"]) == ("Contact.P__c", chosen)


def test_definitions_can_be_queried(sf: Any) -> None:
    """FieldDefinition and EntityParticle tell of one entity's fields, and want a filter on it; addresses lie below tooling."""

    def rows(soql: str) -> list[dict[str, Any]]:
        return sf.toolingexecute("query", params={"q": soql})["records"]

    [name] = rows(
        "SELECT DataType, Length FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Contact' AND QualifiedApiName = 'LastName'"
    )
    assert (name["DataType"], name["Length"]) == ("Text(80)", 80)
    assert name["attributes"]["url"] == "/services/data/v59.0/tooling/sobjects/FieldDefinition/Contact.LastName"
    [name] = rows("SELECT DataType, IsNillable FROM EntityParticle WHERE EntityDefinitionId = 'Contact' AND QualifiedApiName = 'LastName'")
    assert (name["DataType"], name["IsNillable"]) == ("string", False)
    assert [one["Name"] for one in rows("SELECT Name FROM PermissionSet WHERE IsOwnedByProfile = false")] == ["Consent_Fields"]
    with pytest.raises(SalesforceMalformedRequest, match="needs a filter"):
        rows("SELECT QualifiedApiName FROM FieldDefinition")


def test_whole_definitions_are_read_one_by_one(sf: Any) -> None:
    """FullName and Metadata of several fields at once are refused in Salesforce's words."""
    for name in ("X", "Y"):
        metadata = {"label": name, "type": "Date"}
        sf.toolingexecute("sobjects/CustomField", method="POST", data={"FullName": f"Contact.{name}__c", "Metadata": metadata})
    assert sf.toolingexecute("query", params={"q": "SELECT Id, EntityDefinition.Label FROM CustomField"})["totalSize"] == 2
    with pytest.raises(SalesforceMalformedRequest, match="must specify no more than one row for retrieval"):
        sf.toolingexecute("query", params={"q": "SELECT FullName FROM CustomField"})
