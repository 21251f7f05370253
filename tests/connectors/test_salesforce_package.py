"""The package for Salesforce: current, well-formed, and valid against the metadata WSDL that the client library carries."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import orjson
import pytest
import simple_salesforce
import zeep
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connectors.salesforce.definitions import FIELD, PERMISSIONS, VIEW, Component
from connectors.salesforce.package import API_VERSION, NAMESPACE, components, deploy_zip, destroy_zip, source_files, to_xml
from transforms.fields import FIELDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "deployments" / "salesforce"
WSDL = Path(simple_salesforce.__file__).parent / "metadata.wsdl"
XSD = "{http://www.w3.org/2001/XMLSchema}"
TYPES = ("CustomField", "CustomObject", "ListView", "Package", "PermissionSet")

FILES = source_files(FIELDS)


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """The WSDL's own schema, with each of our root elements declared: a file's root has the name of its type."""
    # Read anew by itself: within the WSDL it is not a document that can be compiled.
    own = etree.fromstring(etree.tostring(etree.parse(WSDL).find(f".//{XSD}schema")))
    for name in TYPES:
        etree.SubElement(own, f"{XSD}element", name=name, type=f"tns:{name}")
    return etree.XMLSchema(own)


@pytest.fixture(scope="module")
def service() -> zeep.Client:
    """The WSDL as the client library reads it."""
    return zeep.Client(WSDL.as_uri(), settings=zeep.Settings(strict=True))


def parse(text: str) -> etree._Element:
    return etree.fromstring(text.encode())


def files_of(archive: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as held:
        return {name: held.read(name).decode() for name in held.namelist()}


def test_the_package_on_disk_is_what_the_field_registry_gives() -> None:
    """No file is out of date, none is missing, and none is left over from a field that is gone."""
    on_disk = {
        str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8")
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert on_disk == FILES


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".xml")])
def test_every_file_is_valid_against_the_metadata_wsdl(schema: etree.XMLSchema, name: str) -> None:
    """Names, types, order and number of elements are those of Salesforce's own schema."""
    schema.assertValid(parse(FILES[name]))


def test_a_wrong_order_of_elements_would_be_found(schema: etree.XMLSchema) -> None:
    """The check can fail: Salesforce's schema prescribes the order."""
    root = parse(FILES["force-app/main/default/objects/Contact/fields/StillThere_Why__c.field-meta.xml"])
    root.insert(1, root[-1])
    assert not schema.validate(root)


def test_what_is_deployed_is_valid_against_the_metadata_wsdl(schema: etree.XMLSchema) -> None:
    """The archives of set-up and of teardown hold valid manifests, objects and permission sets."""
    many = components(FIELDS)
    made = files_of(deploy_zip(many))
    assert sorted(made) == [
        "objects/Account.object",
        "objects/Activity.object",
        "objects/Contact.object",
        "objects/Lead.object",
        "package.xml",
        "permissionsets/StillThere_Integration.permissionset",
        "permissionsets/StillThere_User.permissionset",
    ]
    gone = files_of(destroy_zip((one.kind, one.name) for one in many))
    assert sorted(gone) == ["destructiveChanges.xml", "package.xml"]
    for name, text in {**made, **gone}.items():
        if name != "destructiveChanges.xml":  # a manifest without a version, which the schema does not foresee
            schema.assertValid(parse(text))


def test_the_client_library_can_send_every_component(service: zeep.Client) -> None:
    """Each component makes an object of the library's own types and is written by it."""
    for one in components(FIELDS):
        kind = service.get_type(f"{{{NAMESPACE}}}{one.kind}")
        made = kind(fullName=one.name, **one.body)
        parent = etree.Element("parent")
        kind.render(parent, made)
        assert parent.findtext(f"{{{NAMESPACE}}}fullName") == one.name


def test_the_manifest_names_every_component_of_the_package() -> None:
    """What is in the folder is in the manifest, kind by kind."""
    root = parse(FILES["manifest/package.xml"])
    tag = f"{{{NAMESPACE}}}"
    named = {types.findtext(f"{tag}name"): [one.text for one in types.findall(f"{tag}members")] for types in root.findall(f"{tag}types")}
    many = components(FIELDS)
    assert named == {kind: sorted(one.name for one in many if one.kind == kind) for kind in (FIELD, VIEW, PERMISSIONS)}
    assert root.findtext(f"{tag}version") == API_VERSION


def test_an_archive_holds_what_its_manifest_names() -> None:
    """A part of the components can be deployed by itself, and nothing else is in its archive."""
    some = [one for one in components(FIELDS) if one.name in ("Lead.StillThere_Why__c", "Contact.StillThere_Silent_Customers")]
    made = files_of(deploy_zip(some))
    assert sorted(made) == ["objects/Contact.object", "objects/Lead.object", "package.xml"]
    tag = f"{{{NAMESPACE}}}"
    assert parse(made["objects/Lead.object"]).findtext(f"{tag}fields/{tag}fullName") == "StillThere_Why__c"
    assert parse(made["objects/Contact.object"]).findtext(f"{tag}listViews/{tag}fullName") == "StillThere_Silent_Customers"


def test_an_archive_that_takes_away_names_what_goes_and_deploys_nothing() -> None:
    """The manifest is empty but for its version; the destructive one names kind and full name."""
    gone = files_of(destroy_zip([(FIELD, "Contact.StillThere_Why__c")]))
    tag = f"{{{NAMESPACE}}}"
    assert [one.tag for one in parse(gone["package.xml"])] == [f"{tag}version"]
    types = parse(gone["destructiveChanges.xml"]).find(f"{tag}types")
    assert [one.text for one in types] == ["Contact.StillThere_Why__c", "CustomField"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cn", "Cs")), max_size=40))
def test_whatever_stands_in_a_help_text_the_file_is_well_formed(text: str) -> None:
    """Signs that mean something in XML arrive as what they are."""
    file = to_xml(Component(FIELD, "Contact.X__c", {"inlineHelpText": text, "label": "X"}))
    assert (parse(file).findtext(f"{{{NAMESPACE}}}inlineHelpText") or "") == text


def test_the_same_components_make_the_same_archive() -> None:
    """No time and no chance is in it."""
    assert deploy_zip(components(FIELDS)) == deploy_zip(components(FIELDS))


def test_the_project_file_points_at_the_package_folder() -> None:
    """``sf project deploy start`` finds what to deploy, in the version in whose words it is written."""
    project = orjson.loads(FILES["sfdx-project.json"])
    assert project["packageDirectories"][0]["path"] == "force-app"
    assert project["sourceApiVersion"] == API_VERSION
