"""Who a customer is: its type, its names, and what may be done to the record."""

import datetime as dt

import pytest

from customers.models import Customer, StatusChange, Suspension, TimelineEntry
from kit.models import AuditEntry
from kit.problems import Refused
from tests import story
from tests.story import day

pytestmark = pytest.mark.django_db


@pytest.fixture
def riverside(at):
    at("2026-11-20")
    return story.house()


def register(location=None, **fields) -> Customer:
    person = {"type": "individual", "full_name": "Kim Doe", "email": "kim@example.com"}
    return Customer.objects.register(by=None, **{**person, **fields, "location": location})


def problems(**fields) -> set[tuple[str, str | None]]:
    with pytest.raises(Refused) as caught:
        register(**fields)
    assert not Customer.objects.exists()
    return {(problem.code, problem.field) for problem in caught.value.problems}


def test_an_individual_is_known_by_the_persons_name(riverside):
    kim = register()
    assert (kim.name, str(kim), kim.is_company) == ("Kim Doe", "Kim Doe", False)
    assert (kim.location, kim.registered_on) == (riverside, story.TODAY)
    assert (kim.status, kim.version, kim.user) == ("contact", 1, None)


def test_a_company_is_known_by_its_own_name_with_the_contact_beneath(riverside):
    acme = register(type="company", company_name="Acme Ltd")
    assert (acme.name, acme.full_name) == ("Acme Ltd", "Kim Doe")
    assert acme.sort_name == "acme ltd"


@pytest.mark.parametrize("given", [{"type": ""}, {"type": None}])
def test_nobody_is_added_without_a_type(riverside, given):
    [(code, field)] = problems(**given)
    assert field == "type"
    assert code == "required"


def test_a_type_that_is_left_out_is_not_guessed(riverside):
    with pytest.raises(Refused) as caught:
        Customer.objects.register(full_name="Kim Doe", email="kim@example.com", by=None)
    assert [problem.field for problem in caught.value.problems] == ["type"]


def test_the_database_knows_two_types_only(riverside):
    assert problems(type="robot") == {("invalid_choice", "type")}


@pytest.mark.parametrize("name", ["", "   "])
def test_a_company_without_its_name_is_refused(riverside, name):
    assert problems(type="company", company_name=name) == {("company_name_missing", "company_name")}


@pytest.mark.parametrize("name", ["", "   "])
def test_a_company_without_a_person_is_refused(riverside, name):
    assert problems(type="company", company_name="Acme Ltd", full_name=name) == {
        ("required", "full_name")
    }


def test_an_individual_without_a_name_or_an_e_mail_is_refused(riverside):
    assert problems(full_name="") == {("required", "full_name")}
    assert problems(email="") == {("required", "email")}


def test_each_thing_that_is_wrong_is_said_at_its_field(riverside):
    found = problems(
        email="kim", billing_email="also kim", country="Great Britain", payment_days=1000,
        tax_exempt=True,
    )  # fmt: skip
    assert {field for _code, field in found} == {
        "email", "billing_email", "country", "payment_days", "tax_exempt_reason",
    }  # fmt: skip


def test_addresses_and_countries_are_kept_in_one_form(riverside):
    kim = register(email=" Kim@Bücher.Example ", country=" gb ", full_name="  Kim Doe ")
    assert (kim.email, kim.country, kim.full_name) == (
        "kim@xn--bcher-kva.example", "GB", "Kim Doe",
    )  # fmt: skip


def test_two_customers_may_share_an_e_mail(riverside):
    register()
    register()
    assert Customer.objects.with_email("KIM@example.com").count() == 2


def test_where_there_are_several_locations_one_must_be_named(riverside):
    story.house(name="Harbour")
    assert problems() == {("location_missing", "location")}
    assert register(riverside).location == riverside


def test_an_external_id_is_one_customers_only(riverside):
    first = register(external_id=" A-1 ")
    assert first.external_id == "A-1"
    register()
    register()  # without one there may be many
    with pytest.raises(Refused) as caught:
        register(external_id="A-1")
    assert caught.value.codes == ["external_id_taken"]
    assert caught.value.problems[0].field == "external_id"
    other = register(external_id="A-2")
    with pytest.raises(Refused) as caught:
        other.edit({"external_id": "A-1"}, by=None)
    assert caught.value.codes == ["external_id_taken"]


def test_registering_is_on_the_timeline_and_in_the_audit_log(riverside):
    kim = register(riverside)
    [entry] = kim.timeline.all()
    assert (entry.kind, entry.on) == ("registered", story.TODAY)
    kept = AuditEntry.objects.get(verb="customer.register")
    assert kept.changes == {"type": [None, "individual"]}
    assert kept.personal == {"name": [None, "Kim Doe"], "email": [None, "kim@example.com"]}


# Finding


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("zoe", True), ("MULLER zoë", True), ("müll", True), ("strasse", True),
        ("acme", True), ("495", True), ("kim", False), ("zoe kim", False),
        ("A-77", True), ("zoe.m@", True), ("%", False), ("_", False), ("", True), ("  ", True),
    ],
)  # fmt: skip
def test_search_ignores_accents_case_and_order(riverside, text, found):
    zoe = register(
        type="company", company_name="Acme Straße Ltd", full_name="Zoë Müller",
        email="zoe.m@example.com", phone="+49 495", external_id="A-77",
    )  # fmt: skip
    assert (zoe in Customer.objects.matching(text)) is found


def test_search_knows_a_name_that_was_changed(riverside):
    kim = register()
    kim.edit({"full_name": "Kím Østergård"}, by=None)
    assert list(Customer.objects.matching("kim")) == [kim]
    assert not Customer.objects.matching("doe").exists()


def test_lists_are_sorted_as_people_do(riverside):
    for name in ("Zoe", "Émile", "adam", "Eva"):
        register(full_name=name)
    assert [customer.name for customer in Customer.objects.all()] == ["adam", "Émile", "Eva", "Zoe"]


# Changing


def test_an_edit_says_what_changed_and_leaves_the_rest(riverside):
    kim = register(phone="1")
    assert kim.edit({"phone": "2", "city": "", "full_name": "Kim Doe"}, by=None) == ["phone"]
    assert (kim.phone, kim.version) == ("2", 2)
    entry = AuditEntry.objects.get(verb="customer.edit")
    assert (entry.changes, entry.personal) == ({}, {"phone": ["1", "2"]})
    assert kim.edit({"phone": "2"}, by=None) == []
    assert kim.version == 2


def test_an_edit_that_is_wrong_changes_nothing(riverside):
    kim = register(phone="1")
    with pytest.raises(Refused) as caught:
        kim.edit({"phone": "2", "email": "nonsense"}, by=None)
    assert caught.value.codes == ["invalid_email"]
    stored = Customer.objects.get(pk=kim.pk)
    assert (stored.phone, stored.version) == ("1", 1)


def test_two_edits_of_different_fields_merge(riverside):
    kim = register(phone="1", city="Bath")
    mine, theirs = (Customer.objects.get(pk=kim.pk) for _time in range(2))
    seen = {"phone": "1", "city": "Bath"}
    theirs.edit({"phone": "2", "city": "Bath"}, seen=seen, by=None)
    assert mine.edit({"city": "Bristol"}, seen=seen, by=None) == ["city"]
    stored = Customer.objects.get(pk=kim.pk)
    assert (stored.phone, stored.city, stored.version) == ("2", "Bristol", 3)


def test_a_form_that_sends_every_field_does_not_undo_what_others_changed(riverside):
    """The form of the second one still holds the old phone, which its author did not touch."""
    kim = register(phone="1", city="Bath")
    seen = {"phone": "1", "city": "Bath"}
    Customer.objects.get(pk=kim.pk).edit({"phone": "2", "city": "Bath"}, seen=seen, by=None)
    changed = kim.edit({"phone": "1", "city": "Bristol"}, seen=seen, by=None)
    assert changed == ["city"]
    stored = Customer.objects.get(pk=kim.pk)
    assert (stored.phone, stored.city) == ("2", "Bristol")


def test_a_real_collision_shows_both_values(riverside):
    kim = register(phone="1")
    seen = {"phone": "1"}
    Customer.objects.get(pk=kim.pk).edit({"phone": "2"}, seen=seen, by=None)
    with pytest.raises(Refused) as caught:
        kim.edit({"phone": "3"}, seen=seen, by=None)
    [problem] = caught.value.problems
    assert (problem.code, problem.field) == ("changed_meanwhile", "phone")
    assert "“2”" in str(problem.text)
    assert Customer.objects.get(pk=kim.pk).phone == "2"
    # Having seen theirs, mine may be saved.
    kim.edit({"phone": "3"}, seen={"phone": "2"}, by=None)
    assert Customer.objects.get(pk=kim.pk).phone == "3"


def test_two_people_who_type_the_same_do_not_collide(riverside):
    kim = register(phone="1")
    seen = {"phone": "1"}
    Customer.objects.get(pk=kim.pk).edit({"phone": "2"}, seen=seen, by=None)
    assert kim.edit({"phone": "2"}, seen=seen, by=None) == []


def test_the_type_changes_both_ways_and_the_timeline_says_so(riverside):
    kim = register()
    with pytest.raises(Refused) as caught:
        kim.edit({"type": "company"}, by=None)
    assert caught.value.codes == ["company_name_missing"]
    kim.edit({"type": "company", "company_name": "Kim Ltd"}, by=None, on=day("2026-11-21"))
    assert (kim.name, kim.sort_name) == ("Kim Ltd", "kim ltd")
    kim.edit({"type": "individual"}, by=None, on=day("2026-11-22"))
    assert (kim.name, kim.company_name) == ("Kim Doe", "Kim Ltd")
    told = kim.timeline.filter(kind="changed_type").order_by("on")
    assert [(entry.on, entry.text) for entry in told] == [
        (day("2026-11-21"), "Company"), (day("2026-11-22"), "Individual"),
    ]  # fmt: skip


def test_a_change_of_type_changes_no_status(w):
    w.ada.edit({"type": "company", "company_name": "Ada & Co"}, by=w.mona)
    assert w.ada.status == "member"


# Archiving


def test_a_customer_with_a_running_or_coming_contract_is_not_archived(w):
    coming = w.office.sign_up(w.ada, starts_on=day("2027-01-01"), by=w.mona)
    frozen = w.hot_desk.sign_up(w.ada, starts_on=day("2026-11-01"), by=w.mona)
    frozen.freeze(from_on=story.TODAY, by=w.mona)
    with pytest.raises(Refused) as caught:
        w.ada.archive(by=w.mona)
    assert caught.value.codes == ["contract_running"] * 3
    assert all("still running" in str(problem.text) for problem in caught.value.problems)
    for contract in (w.ada_contract, frozen):
        contract.cancel(last_day=story.TODAY - dt.timedelta(1), by=w.mona)
    coming.call_off(by=w.mona)
    w.ada.archive(by=w.mona)
    assert w.ada.archived_at


def test_the_archived_leave_the_lists_and_are_found_and_restored(w):
    w.noor.archive(by=w.mona)
    assert w.noor not in Customer.objects.live()
    assert w.noor in Customer.objects.archived()
    assert w.noor in Customer.objects.matching("noor")
    assert w.noor in Customer.objects.members(on=w.noor_contract.ends_on), "past reports keep them"
    with pytest.raises(Refused) as caught:
        w.noor.archive(by=w.mona)
    assert caught.value.codes == ["already_archived"]
    w.noor.restore(by=w.mona)
    assert w.noor in Customer.objects.live()
    with pytest.raises(Refused) as caught:
        w.noor.restore(by=w.mona)
    assert caught.value.codes == ["not_archived"]
    told = w.noor.timeline.order_by("pk").values_list("kind", flat=True)
    assert list(told)[-2:] == ["archived", "restored"]


def test_archiving_closes_the_portal(w):
    w.noor.archive(by=w.mona)
    assert not Customer.objects.acted_for_by(w.noor.user).exists()


# Deleting


def test_somebody_without_history_is_deleted_with_the_timeline(w):
    w.omar.suspend(by=w.mona, reason="Never came")
    w.omar.reinstate(by=w.mona)
    key = w.omar.pk
    w.omar.discard(by=w.mona)
    assert not Customer.objects.filter(pk=key).exists()
    for model in (TimelineEntry, StatusChange, Suspension):
        assert not model.objects.filter(customer_id=key).exists()
    entry = AuditEntry.objects.get(verb="customer.discard")
    assert entry.personal == {"name": ["Omar Haddad", None]}


def test_whoever_signed_a_contract_once_is_archived_and_never_deleted(w):
    with pytest.raises(Refused) as caught:
        w.noor.discard(by=w.mona)
    assert caught.value.codes == ["has_contracts"]
    called_off = w.hot_desk.sign_up(w.omar, starts_on=day("2027-01-01"), by=w.mona)
    called_off.call_off(by=w.mona)
    with pytest.raises(Refused):
        w.omar.discard(by=w.mona)


def test_whoever_pays_for_a_team_is_not_deleted(w):
    payer = story.person(w.house)
    team = story.Team.objects.start("Crew", by=w.mona, payer=payer)
    with pytest.raises(Refused) as caught:
        payer.discard(by=w.mona)
    assert caught.value.codes == ["pays_for_team"]
    assert team.payer == payer


# Seeing


def test_staff_see_everybody_and_a_login_its_own(w):
    everybody = Customer.objects.count()
    assert Customer.objects.visible_to(w.frida).count() == everybody
    assert list(Customer.objects.visible_to(w.ada.user)) == [w.ada]
    assert not Customer.objects.visible_to(w.viktor.user).exists()
    second = story.person(w.house, user=w.ada.user)
    assert set(Customer.objects.visible_to(w.ada.user)) == {w.ada, second}


def test_withdrawn_access_closes_the_portal_without_unlinking(w):
    Customer.objects.filter(pk=w.ada.pk).update(portal_access_withdrawn_at=w.mona.joined_at)
    assert not Customer.objects.acted_for_by(w.ada.user).exists()
    w.ada.refresh_from_db()
    assert w.ada.user
    assert w.ada.suspension is None
