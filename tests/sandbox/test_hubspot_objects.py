"""Records one by one: what is shown, what is refused and with which words."""

import json
from typing import Any

import pytest


def test_values_are_text_and_unset_ones_null_and_unknown_names_left_out(api: Any) -> None:
    """A defined property without a value is null, one that is not defined is not there, and the id and both dates always are."""
    contact = api.create("contacts", email="  Ann@Example.COM ", firstname="Ann")
    found = api("GET", f"/crm/v3/objects/contacts/{contact}", properties="email,lastname,no_such_thing").json()
    assert found["properties"]["email"] == "ann@example.com"
    assert found["properties"]["lastname"] is None
    assert set(found["properties"]) == {"email", "lastname", "hs_object_id", "createdate", "lastmodifieddate"}
    assert found["archived"] is False
    assert found["url"].endswith(f"/contacts/{api.sandbox.portal.options.portal_id}/record/0-1/{contact}")


def test_default_properties_are_those_of_the_object_type(api: Any) -> None:
    """Without ``properties`` a contact shows its name and address, a task nothing but id and dates."""
    contact = api.create("contacts", email="a@example.com")
    task = api.create("tasks", hs_timestamp="2026-12-01T09:00:00Z")
    shown = api("GET", f"/crm/v3/objects/contacts/{contact}").json()["properties"]
    assert set(shown) == {"email", "firstname", "lastname", "hs_object_id", "createdate", "lastmodifieddate"}
    shown = api("GET", f"/crm/v3/objects/tasks/{task}").json()["properties"]
    assert set(shown) == {"hs_object_id", "hs_createdate", "hs_lastmodifieddate"}


def test_creation_answers_201_with_what_hubspot_computes(api: Any) -> None:
    """A new contact comes back with its full name, mail domain, life cycle stage and where it came from."""
    answer = api("POST", "/crm/v3/objects/contacts", {"properties": {"email": "ann@example.com", "lastname": "Lee"}})
    shown = answer.json()["properties"]
    assert answer.status_code == 201
    assert {
        name: shown[name] for name in ("hs_full_name_or_email", "hs_email_domain", "lifecyclestage", "hs_pipeline", "hs_is_unworked")
    } == {
        "hs_full_name_or_email": "Lee",
        "hs_email_domain": "example.com",
        "lifecyclestage": "lead",
        "hs_pipeline": "contacts-lifecycle-pipeline",
        "hs_is_unworked": "true",
    }
    assert shown["hs_object_source"] == "INTEGRATION"
    company = api("POST", "/crm/v3/objects/companies", {"properties": {"domain": "example.com"}}).json()["properties"]
    assert company["website"] == "example.com"


@pytest.mark.parametrize(
    ("kind", "properties", "code", "words"),
    [
        ("contacts", {"nope": "1"}, "PROPERTY_DOESNT_EXIST", 'Property "nope" does not exist'),
        (
            "contacts",
            {"notes_next_activity_date": "1"},
            "READ_ONLY_VALUE",
            '"notes_next_activity_date" is a read only property; its value cannot be set.',
        ),
        ("contacts", {"lifecyclestage": "Lead"}, "INVALID_OPTION", "Lead was not one of the allowed options: [subscriber, lead,"),
        ("contacts", {"hs_job_change_detected_date": "1570233600"}, "INVALID_DATE", "1570233600 is at 4:10:33.600 UTC, not midnight!"),
        ("contacts", {"email": "not an address"}, "INVALID_EMAIL", "Email address not an address is invalid"),
        ("companies", {"annualrevenue": "a lot"}, "INVALID_INTEGER", "a lot was not a valid number."),
        (
            "contacts",
            {"hs_enriched_email_bounce_detected": "yes"},
            "INVALID_OPTION",
            "yes was not one of the allowed options: [true, false]",
        ),
        ("notes", {"hs_timestamp": "2026-01-01T00:00:00Z", "hs_note_body": "x" * 65_537}, "FAILED_VALIDATION", "65537 characters"),
    ],
)
def test_a_value_that_its_definition_does_not_allow_is_refused(
    api: Any, kind: str, properties: dict[str, str], code: str, words: str
) -> None:
    """400 with JSON inside the message and the same in ``errors``."""
    answer = api("POST", f"/crm/v3/objects/{kind}", {"properties": properties})
    body = answer.json()
    listed = json.loads(body["message"].removeprefix("Property values were not valid: "))
    assert answer.status_code == 400
    assert body["category"] == "VALIDATION_ERROR"
    assert listed[0]["error"] == code
    assert words in listed[0]["message"]
    assert body["errors"][0]["code"] == code
    assert body["errors"][0]["context"]["propertyName"] == [listed[0]["name"]]


def test_a_second_contact_of_one_address_is_a_conflict_that_names_the_first(api: Any) -> None:
    """409 CONFLICT with the existing id in the text, however the address is spelt."""
    first = api.create("contacts", email="ann@example.com")
    answer = api("POST", "/crm/v3/objects/contacts", {"properties": {"email": "ANN@example.com"}})
    assert (answer.status_code, answer.json()["category"]) == (409, "CONFLICT")
    assert answer.json()["message"] == f"Contact already exists. Existing ID: {first}"


def test_an_empty_text_clears_a_value(api: Any) -> None:
    """A cleared property comes back as an empty text, and the record is stamped anew."""
    contact = api.create("contacts", email="a@example.com", jobtitle="CFO")
    before = api("GET", f"/crm/v3/objects/contacts/{contact}").json()["updatedAt"]
    api.sandbox.clock.advance(1)
    answer = api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"jobtitle": ""}})
    assert answer.status_code == 200
    assert answer.json()["properties"]["jobtitle"] == ""
    assert answer.json()["updatedAt"] > before


def test_a_list_goes_up_by_id_and_ends_without_paging(api: Any) -> None:
    """``after`` leads from page to page in the order of ids; the last page has no ``paging``."""
    ids = [api.create("contacts", email=f"c{n}@example.com") for n in range(5)]
    seen, after = [], None
    while True:
        page = api("GET", "/crm/v3/objects/contacts", limit=2, **({"after": after} if after else {})).json()
        seen += [record["id"] for record in page["results"]]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert seen == ids == sorted(ids, key=int)


@pytest.mark.parametrize(
    ("params", "status"), [({"limit": 101}, 400), ({"limit": 100}, 200), ({"limit": 51, "propertiesWithHistory": "email"}, 400)]
)
def test_a_page_has_a_most(api: Any, params: dict[str, Any], status: int) -> None:
    """100 records a page, 50 with history."""
    assert api("GET", "/crm/v3/objects/contacts", **params).status_code == status


def test_archived_records_are_seen_only_on_request_and_an_unknown_id_archives_quietly(api: Any) -> None:
    """DELETE answers 204 whether or not there was anything; ``archived=true`` shows what went."""
    contact = api.create("contacts", email="a@example.com")
    assert api("DELETE", f"/crm/v3/objects/contacts/{contact}").status_code == 204
    assert api("DELETE", "/crm/v3/objects/contacts/1").status_code == 204
    assert api("GET", f"/crm/v3/objects/contacts/{contact}").status_code == 404
    shown = api("GET", f"/crm/v3/objects/contacts/{contact}", archived="true").json()
    assert shown["archived"] is True
    assert shown["archivedAt"]
    assert [r["id"] for r in api("GET", "/crm/v3/objects/contacts", archived="true").json()["results"]] == [contact]
    assert api("GET", "/crm/v3/objects/contacts").json()["results"] == []
    api.create("contacts", email="a@example.com")


def test_a_deleted_email_is_gone_for_good(api: Any) -> None:
    """E-mails do not go to the recycle bin."""
    email = api.create("emails", hs_timestamp="2026-01-01T00:00:00Z")
    api("DELETE", f"/crm/v3/objects/emails/{email}")
    assert api("GET", "/crm/v3/objects/emails", archived="true").json()["results"] == []


def test_unknown_records_and_types_have_their_own_words(api: Any) -> None:
    """404 OBJECT_NOT_FOUND for a record, 400 without category for a type that does not exist."""
    answer = api("GET", "/crm/v3/objects/contacts/999")
    assert (answer.status_code, answer.json()["category"], answer.json()["message"]) == (404, "OBJECT_NOT_FOUND", "resource not found")
    answer = api("GET", "/crm/v3/objects/contacts/abc")
    assert answer.json()["message"] == "Object not found.  objectId are usually numeric."
    answer = api("GET", "/crm/v3/objects/butterflies")
    assert (answer.status_code, answer.json()["message"]) == (400, "Unable to infer object type from: butterflies")
    assert "category" not in answer.json()


def test_a_path_that_the_vendor_does_not_have_is_answered_in_html(api: Any) -> None:
    """A gateway's 404 is no JSON."""
    answer = api("GET", "/crm/v3/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html")


def test_a_url_that_is_too_long_is_answered_by_the_gateway(api: Any) -> None:
    """Long lists of properties break a GET with 414 and HTML."""
    answer = api("GET", "/crm/v3/objects/contacts", properties=",".join(f"property_number_{n}" for n in range(500)))
    assert (answer.status_code, answer.headers["content-type"]) == (414, "text/html")


@pytest.mark.parametrize("path", ["/crm/v3/objects/contacts", "/crm/v3/objects/contact", "/crm/v3/objects/0-1"])
@pytest.mark.parametrize("family", ["v3", "2026-03", "2026-09"])
def test_one_set_of_handlers_serves_all_path_families_and_names(api: Any, path: str, family: str) -> None:
    """Plural, singular and type id; v3 and the dated families."""
    contact = api.create("contacts", email="a@example.com")
    if family != "v3":
        path = path.replace("/crm/v3/objects", f"/crm/objects/{family}")
    assert [record["id"] for record in api("GET", path).json()["results"]] == [contact]


def test_history_is_newest_first_and_says_who(api: Any) -> None:
    """Each version has value, moment and source; a value that stays the same makes no version; the number of versions is capped."""
    contact = api.create("contacts", email="a@example.com", jobtitle="v0")
    for n in (1, 1, *range(2, 25)):
        api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"jobtitle": f"v{n}"}})
    api("POST", "/_sandbox/change", {"do": "edit", "type": "contacts", "id": contact, "properties": {"jobtitle": "by hand"}})
    found = api("GET", f"/crm/v3/objects/contacts/{contact}", propertiesWithHistory="jobtitle").json()
    versions = found["propertiesWithHistory"]["jobtitle"]
    assert [version["value"] for version in versions] == ["by hand", *(f"v{n}" for n in range(24, 5, -1))]
    assert versions[0]["sourceType"] == "CRM_UI"
    assert versions[0]["updatedByUserId"] == api.sandbox.portal.options.user_id
    assert (versions[1]["sourceType"], versions[1]["sourceId"]) == ("INTEGRATION", str(api.sandbox.portal.options.app_id))
    assert found["properties"]["jobtitle"] == "by hand"
    assert versions == sorted(versions, key=lambda version: version["timestamp"], reverse=True)


def test_a_merge_makes_a_new_record_to_which_both_old_ids_lead(api: Any) -> None:
    """The primary's values win, the other's address is kept, the associations come along, and neither old id is lost."""
    company = api.create("companies", name="Acme")
    keep = api.create("contacts", email="keep@example.com", jobtitle="CFO")
    away = api.create("contacts", email="away@example.com", jobtitle="CEO", firstname="Ann")
    api("PUT", f"/crm/v4/objects/contacts/{away}/associations/default/companies/{company}")
    merged = api("POST", "/crm/v3/objects/contacts/merge", {"primaryObjectId": keep, "objectIdToMerge": away}).json()
    shown = merged["properties"]
    assert merged["id"] not in {keep, away}
    assert (shown["jobtitle"], shown["firstname"], shown["email"], shown["hs_additional_emails"]) == (
        "CFO",
        "Ann",
        "keep@example.com",
        "away@example.com",
    )
    assert set(shown["hs_merged_object_ids"].split(";")) == {keep, away}
    assert {part.split(":")[0] for part in shown["hs_calculated_merged_vids"].split(";")} == {keep, away}
    for old in (keep, away):
        assert api("GET", f"/crm/v3/objects/contacts/{old}").json()["id"] == merged["id"]
    assert api("GET", "/crm/v3/objects/contacts/away@example.com", idProperty="email").json()["id"] == merged["id"]
    links = api("GET", f"/crm/v4/objects/contacts/{merged['id']}/associations/companies").json()["results"]
    assert [link["toObjectId"] for link in links] == [int(company)]
    assert [r["id"] for r in api("GET", "/crm/v3/objects/contacts").json()["results"]] == [merged["id"]]


def test_batches_know_merged_ids_only_in_part(api: Any) -> None:
    """By default a batch read resolves an old id and a batch update silently leaves it out."""
    keep, away = (api.create("contacts", email=f"{n}@example.com") for n in ("a", "b"))
    new = api("POST", "/crm/v3/objects/contacts/merge", {"primaryObjectId": keep, "objectIdToMerge": away}).json()["id"]
    read = api("POST", "/crm/v3/objects/contacts/batch/read", {"inputs": [{"id": away}], "properties": ["email"]})
    assert (read.status_code, [r["id"] for r in read.json()["results"]]) == (200, [new])
    update = api("POST", "/crm/v3/objects/contacts/batch/update", {"inputs": [{"id": away, "properties": {"jobtitle": "x"}}]})
    assert (update.status_code, update.json()["results"]) == (200, [])


def test_what_batches_do_with_merged_ids_can_be_switched(start: Any) -> None:
    """Neither behaviour is verified on a real portal."""
    api = start(merged_in_batch_read="missing", merged_in_batch_update="missing")
    keep, away = (api.create("contacts", email=f"{n}@example.com") for n in ("a", "b"))
    api("POST", "/crm/v3/objects/contacts/merge", {"primaryObjectId": keep, "objectIdToMerge": away})
    for call in ("read", "update"):
        answer = api(
            "POST",
            f"/crm/v3/objects/contacts/batch/{call}",
            {"inputs": [{"id": away, "properties": {}}]} if call == "update" else {"inputs": [{"id": away}]},
        )
        assert (answer.status_code, answer.json()["errors"][0]["context"]["ids"]) == (207, [away])


def test_an_erased_contact_is_gone_and_its_address_blocked(api: Any) -> None:
    """gdpr-delete: nothing shows the contact any more, and its address may not come back."""
    contact = api.create("contacts", email="a@example.com")
    assert api("POST", "/crm/v3/objects/contacts/gdpr-delete", {"objectId": "a@example.com", "idProperty": "email"}).status_code == 204
    assert api("GET", f"/crm/v3/objects/contacts/{contact}").status_code == 404
    assert api("GET", "/crm/v3/objects/contacts", archived="true").json()["results"] == []
    assert api("POST", "/crm/v3/objects/contacts", {"properties": {"email": "a@example.com"}}).status_code == 400
    company = api.create("companies", name="1")
    assert api("POST", "/crm/v3/objects/companies/gdpr-delete", {"objectId": company}).status_code == 404
    assert api("GET", f"/crm/v3/objects/companies/{company}").status_code == 200


def test_the_text_of_emails_needs_a_scope_of_its_own(start: Any) -> None:
    """Without sales-email-read the content is null."""
    api = start(scopes=("crm.objects.contacts.read", "crm.objects.contacts.write"))
    email = api.create("emails", hs_timestamp="2026-01-01T00:00:00Z", hs_email_text="secret", hs_email_direction="EMAIL")
    shown = api("GET", f"/crm/v3/objects/emails/{email}", properties="hs_email_text,hs_email_direction").json()["properties"]
    assert (shown["hs_email_text"], shown["hs_email_direction"]) == (None, "EMAIL")


def test_email_headers_fill_the_addresses(api: Any) -> None:
    """``hs_email_headers`` is JSON in a text; the addresses are read from it."""
    headers = {"from": {"email": "a@x.com", "firstName": "Ann"}, "to": [{"email": "b@x.com"}, {"email": "c@x.com"}], "cc": [], "bcc": []}
    email = api.create("emails", hs_timestamp="2026-01-01T00:00:00Z", hs_email_headers=json.dumps(headers))
    names = "hs_email_from_email,hs_email_from_firstname,hs_email_to_email,hs_email_cc_email"
    shown = api("GET", f"/crm/v3/objects/emails/{email}", properties=names).json()["properties"]
    assert [shown[name] for name in names.split(",")] == ["a@x.com", "Ann", "b@x.com;c@x.com", None]
