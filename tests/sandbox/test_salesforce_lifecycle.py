"""How records of an org end: deleted, merged, converted, archived, undone; and when a change is seen."""

from typing import Any

import pytest

from sandbox.salesforce.errors import RowError
from sandbox.salesforce.org import Org
from sandbox.salesforce.undoing import Savepoint
from tests.sandbox.small_org import DAY, NOW_MS, contact, create, history, make_org, told, update


@pytest.fixture
def org() -> Org:
    return make_org()


# Deleting, merging, converting


def test_a_deleted_record_is_seen_by_query_all_until_it_is_purged(org: Org) -> None:
    """Its log stays for getDeleted."""
    jo = contact(org)
    org.clock.advance(60)
    org.delete(org.integration_id, jo)
    assert (list(org.rows("Contact")), list(org.rows("Contact", is_all=True))) == ([], [jo])
    assert (jo.values["IsDeleted"], jo.values["SystemModstamp"]) == (True, NOW_MS + 60_000)
    org.clock.advance(15 * DAY)
    assert list(org.rows("Contact", is_all=True)) == []
    assert org.deletions["Contact"] == [(NOW_MS + 60_000, jo.id)]


def test_who_has_cases_stays(org: Org) -> None:
    """In the words that were recorded, with the salutation and a line break."""
    jo = contact(org, Salutation="Mr.", FirstName="Jo")
    case = create(org, "Case", ContactId=jo.id)
    with pytest.raises(RowError) as caught:
        org.delete(org.integration_id, jo)
    message = (
        "Your attempt to delete Mr. Jo Roe could not be completed because it is associated with the following cases.: "
        f"{case.values['CaseNumber']}\n"
    )
    assert (caught.value.faults[0].code, caught.value.faults[0].message) == ("DELETE_FAILED", message)
    org.delete(org.integration_id, case)
    org.delete(org.integration_id, jo)
    assert jo.is_deleted


def test_what_cascades_comes_back_with_its_parent(org: Org) -> None:
    """Not what was deleted before."""
    acme = create(org, "Account", Name="Acme")
    jo, al = contact(org, AccountId=acme.id), contact(org, AccountId=acme.id)
    org.delete(org.integration_id, al)
    org.clock.advance(60)
    org.delete(org.integration_id, acme)
    assert (jo.is_deleted, acme.is_deleted) == (True, True)
    org.undelete(org.integration_id, acme)
    assert [one.is_deleted for one in (acme, jo, al)] == [False, False, True]
    assert [record_id for _, record_id in org.deletions["Contact"]] == [al.id]


def test_what_went_with_a_record_is_erased_with_it(org: Org) -> None:
    """Emptying the recycle bin of a contact leaves none of its activities; what was deleted before stays there."""
    jo = contact(org)
    before, task = create(org, "Task", WhoId=jo.id), create(org, "Task", WhoId=jo.id)
    org.delete(org.integration_id, before)
    org.clock.advance(60)
    org.delete(org.integration_id, jo)
    assert [one.is_deleted for one in (before, task)] == [True, True]
    org.erase(jo)
    assert (list(org.rows("Contact", is_all=True)), list(org.rows("Task", is_all=True))) == ([], [before])


def test_a_membership_is_gone_for_good(org: Org) -> None:
    """It goes to no recycle bin, only into the log."""
    member = create(org, "CampaignMember", CampaignId=create(org, "Campaign", Name="W").id, ContactId=contact(org).id)
    org.delete(org.integration_id, member)
    assert list(org.rows("CampaignMember", is_all=True)) == []
    assert [record_id for _, record_id in org.deletions["CampaignMember"]] == [member.id]


def test_a_merge_moves_the_children_and_not_their_stamps(org: Org) -> None:
    """Losers are deleted and name their master; the winner is stamped; history stays with whom it was of."""
    winner, loser = contact(org), contact(org, Title="CTO")
    task = create(org, "Task", WhoId=loser.id, Status="Completed", ActivityDate="2026-11-20")
    member = create(org, "CampaignMember", CampaignId=create(org, "Campaign", Name="W").id, ContactId=loser.id)
    org.clock.advance(60)
    org.merge(org.integration_id, "Contact", winner.id, [loser.id])
    assert (loser.is_deleted, loser.values["MasterRecordId"], list(org.rows("Contact"))) == (True, winner.id, [winner])
    assert (task.values["WhoId"], task.values["SystemModstamp"]) == (winner.id, NOW_MS)
    assert (member.values["ContactId"], member.values["LeadOrContactId"]) == (winner.id, winner.id)
    assert (winner.values["SystemModstamp"], winner.values["LastActivityDate"]) == (NOW_MS + 60_000, "2026-11-20")
    assert [record_id for _, record_id in org.deletions["Contact"]] == [loser.id]
    assert history(org, loser) == [("created", "Text", None, None)]
    with pytest.raises(RowError, match="UNDELETE_FAILED"):
        org.undelete(org.integration_id, loser)


def test_a_converted_lead_becomes_a_contact_and_takes_no_changes(org: Org) -> None:
    """Its activities go over; the lead stays, converted."""
    lead = create(org, "Lead", FirstName="Al", LastName="Bee", Company="Acme", Email="al@acme.example", City="Bonn", DoNotCall=True)
    task = create(org, "Task", WhoId=lead.id)
    al = org.convert_lead(org.integration_id, lead.id)
    account = org.find(al.values["AccountId"])
    assert account is not None
    assert (al.values["MailingCity"], al.values["DoNotCall"]) == ("Bonn", True)
    assert (al.values["Name"], al.values["Email"], account.values["Name"]) == ("Al Bee", "al@acme.example", "Acme")
    assert (task.values["WhoId"], task.values["AccountId"]) == (al.id, account.id)
    assert told(lead.values, "IsConverted", "ConvertedContactId", "ConvertedDate", "IsDeleted") == {
        "IsConverted": True,
        "ConvertedContactId": al.id,
        "ConvertedDate": "2026-11-23",
        "IsDeleted": False,
    }
    with pytest.raises(RowError, match="CANNOT_UPDATE_CONVERTED_LEAD: cannot reference converted lead"):
        update(org, lead, Title="CEO")


# Time


def test_old_activities_are_archived_and_hidden_from_query(org: Org) -> None:
    """Closed tasks by their due date, events by their date, a year on; open tasks never. Stamps stay."""
    closed = create(org, "Task", Status="Completed", ActivityDate="2026-11-20")
    still_open = create(org, "Task", ActivityDate="2026-11-20")
    event = create(org, "Event", StartDateTime=NOW_MS, DurationInMinutes=5)
    org.clock.advance(364 * DAY)
    assert [one.is_archived for one in (closed, still_open, event)] == [False, False, False]
    assert list(org.rows("Task")) == [still_open]
    assert list(org.rows("Event")) == [event]
    org.clock.advance(DAY)
    assert list(org.rows("Event")) == []
    assert [one.values["IsArchived"] for one in org.rows("Task", is_all=True)] == [True, False]
    assert closed.values["SystemModstamp"] == NOW_MS


def test_what_is_loaded_old_is_archived_at_once(org: Org) -> None:
    """And keeps its own stamps."""
    old = org.import_record("Task", {"IsClosed": True, "ActivityDate": "2024-01-01", "CreatedDate": 1_700_000_000_000})
    assert (old.is_archived, old.values["SystemModstamp"]) == (True, 1_700_000_000_000)


def test_an_uncommitted_change_is_stamped_now_and_seen_later() -> None:
    """Until then queries see what was before: nothing, or the old version."""
    org = make_org(commit_delay=(5.0, 5.0))
    jo = contact(org, Title="CTO")
    assert (list(org.rows("Contact")), org.find(jo.id)) == ([], jo)
    org.clock.advance(6)
    assert list(org.rows("Contact")) == [jo]
    update(org, jo, Title="CEO")
    update(org, jo, Title="Chair")
    shown = list(org.rows("Contact"))
    assert [(one.id, one.values["Title"], one.values["SystemModstamp"]) for one in shown] == [(jo.id, "CTO", NOW_MS)]
    org.delete(org.integration_id, jo)
    assert [one.values["IsDeleted"] for one in org.rows("Contact")] == [False]
    org.clock.advance(6)
    assert list(org.rows("Contact")) == []
    assert [one.values["Title"] for one in org.rows("Contact", is_all=True)] == ["Chair"]


def test_two_orgs_of_one_seed_are_the_same() -> None:
    """Ids and stamps are those of the clock and of the order of writes."""

    def written() -> list[dict[str, Any]]:
        org = make_org()
        jo = contact(org)
        create(org, "Task", WhoId=jo.id)
        return [dict(one.values) for name in ("Contact", "Task", "ContactHistory", "User") for one in org.rows(name)]

    assert written() == written()


def test_a_write_that_is_refused_half_way_leaves_nothing(org: Org) -> None:
    """A mail whose task cannot be made is not kept either; a lead whose contact is refused makes no account."""
    jo = contact(org)
    profile = org.access.profile_set(org.integration_id)
    org.access.allow(profile, "Task", create=False)
    with pytest.raises(RowError, match="entity type cannot be inserted: Task"):
        create(org, "EmailMessage", Subject="Hello", ToIds=[jo.id], Status="3")
    lead = create(org, "Lead", LastName="Bee", Company="Acme")
    org.access.allow(profile, "Contact", create=False)
    with pytest.raises(RowError, match="entity type cannot be inserted: Contact"):
        org.convert_lead(org.integration_id, lead.id)
    assert [len(org.store(name)) for name in ("EmailMessage", "EmailMessageRelation", "Task", "Account")] == [0, 0, 0, 0]
    assert lead.values["IsConverted"] is False


def test_going_back_to_a_savepoint_undoes_every_effect(org: Org) -> None:
    """Values, records, history, flags and the log of deletions."""
    acme = create(org, "Account", Name="Acme")
    jo = contact(org, AccountId=acme.id)

    def state() -> Any:
        return [
            [(one.is_deleted, dict(one.values)) for one in org.rows(name, is_all=True)]
            for name in ("Account", "Contact", "Task", "ContactHistory")
        ]

    before = state()
    savepoint = Savepoint(org)
    org.clock.advance(60)
    create(org, "Task", WhoId=jo.id, Status="Completed", ActivityDate="2026-11-20")
    update(org, jo, Title="CEO")
    org.delete(org.integration_id, acme)
    assert state() != before
    savepoint.go_back()
    savepoint.release()
    assert (state(), {name for name, entries in org.deletions.items() if entries}) == (before, set())
