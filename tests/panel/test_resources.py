"""What can be booked: the list, the record, types and prices, hours, closures, calendar address."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.models import Closure, OpeningHours, Rate, Resource, ResourceType
from customers.models import User
from kit.once import new_key
from tests import story
from tests.bookings.conftest import heron, kestrel, rooms, t  # noqa: F401
from tests.panel.test_customers import words
from tests.story import day

pytestmark = pytest.mark.django_db


@pytest.fixture
def mona(w, client):
    client.force_login(w.mona)
    return client


@pytest.fixture
def sam(w):
    """Manages another house, and nothing here."""
    made = story.login("sam@example.com")
    made.give_role("manager", by=None, location=story.house(name="Hill House"))
    return User.objects.get(pk=made.pk)


def to(name: str, *args) -> str:
    return reverse(f"panel:{name}", args=args)


def a_room(w, rooms, **fields) -> dict:  # noqa: F811
    return {
        "form_key": new_key(), "name": "Owl", "type": rooms.pk, "location": w.house.pk,
        "capacity": "4", "who_may_book": "everyone", "step_minutes": "15", "late_fee": "50",
        **fields,
    }  # fmt: skip


def as_shown(form, **changes) -> dict:
    """What a browser sends of an edit form: what it shows, what it showed, and some changes."""
    data = {}
    for bound in form:
        value = bound.value()
        value = "" if value is None or value is False else value
        data[bound.html_initial_name] = data[bound.html_name] = value
    return data | changes


def listed(page) -> list[str]:
    return [row.resource.name for _type, rows in page.context["types"] for row in rows]


def state_of(page, name: str) -> tuple[str, str]:
    [row] = [row for _type, rows in page.context["types"] for row in rows
             if row.resource.name == name]  # fmt: skip
    return (row.now.state, row.now.note)


class TestTheList:
    def test_it_says_by_type_what_each_costs_and_who_may_book_it(self, w, mona, rooms, kestrel):  # noqa: F811
        rooms.add_rate(per="hour", price=40, audience="members", by=w.mona)
        story.room(w.house, rooms, "Owl", who_may_book="plans", plans=[w.hot_desk])
        text = words(mona.get(to("resources")))
        assert "Meeting rooms" in text
        assert "With the plan Hot Desk" in text
        assert "from €40.00 an hour" in text

    def test_it_says_what_each_is_doing_now(self, w, mona, rooms, kestrel, heron, t):  # noqa: F811
        kestrel.book(
            customer=w.ada, start=t("2026-11-20 11:00"), end=t("2026-11-20 13:30"), by=w.mona
        )
        heron.assign(contract=w.lin_contract, by=w.mona, first_on=story.TODAY)
        shut = story.room(w.house, rooms, "Shut")
        shut.close(first_on=story.TODAY, reason="Painters", by=w.mona)
        story.room(w.house, rooms, "Empty")
        late = story.room(w.house, rooms, "Late")
        OpeningHours.objects.set_for(late, [(4, dt.time(15), dt.time(20))], by=w.mona)
        page = mona.get(to("resources"))
        assert state_of(page, "Kestrel") == ("in_use", "until 13:30")
        assert state_of(page, "Heron") == ("occupied", "Lin & Co")
        assert state_of(page, "Shut") == ("closed", "Closed: Painters")
        assert state_of(page, "Empty") == ("free", "")
        assert state_of(page, "Late") == ("closed", "opens at 15:00")

    def test_archived_ones_have_a_tab_of_their_own(self, w, mona, kestrel, heron):  # noqa: F811
        mona.post(to("resource_archive", heron.pk))
        assert listed(mona.get(to("resources"))) == ["Kestrel"]
        assert listed(mona.get(to("resources") + "?archived=1")) == ["Heron"]
        mona.post(to("resource_restore", heron.pk))
        assert listed(mona.get(to("resources"))) == ["Heron", "Kestrel"]

    def test_an_empty_house_is_told_where_to_begin(self, mona):
        assert "Begin with a type" in words(mona.get(to("resources")))
        assert "Add a type first" in words(mona.get(to("resource_new")))

    def test_thirty_rows_ask_as_much_as_one(self, w, mona, rooms, kestrel, t):  # noqa: F811
        def asked(address: str) -> int:
            mona.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert mona.get(address).status_code == 200
            return len(queries)

        pages = [to("resources"), to("resource", kestrel.pk), to("resource_type", rooms.pk)]
        kestrel.book(
            customer=w.ada, start=t("2026-11-23 08:00"), end=t("2026-11-23 08:15"), by=w.mona
        )
        few = [asked(page) for page in pages]
        for number in range(30):
            room = story.room(
                w.house, rooms, f"Room {number}", who_may_book="plans", plans=[w.hot_desk]
            )
            rooms.add_rate(per="hour", price=number, audience="plans", plans=[w.office], by=None)
            start = t("2026-11-23 09:00") + dt.timedelta(minutes=15 * number)
            kestrel.book(
                customer=w.ada, start=start, end=start + dt.timedelta(minutes=15), by=w.mona
            )
            room.close(first_on=story.TODAY, by=w.mona)
        assert [asked(page) for page in pages] == few


class TestWhoMayCome:
    def test_the_front_desk_looks_and_does_not_set_up(self, w, client, kestrel, rooms):  # noqa: F811
        client.force_login(w.frida)
        for name, key in (("resource", kestrel.pk), ("resource_type", rooms.pk)):
            page = client.get(to(name, key))
            assert page.status_code == 200
            assert "/edit/" not in page.content.decode()
        assert "Add resource" not in words(client.get(to("resources")))
        for name in ("edit", "archive", "restore", "hours", "calendar", "picture_edit"):
            assert client.get(to(f"resource_{name}", kestrel.pk)).status_code == 403
            assert client.post(to(f"resource_{name}", kestrel.pk)).status_code == 403

    def test_customers_see_nothing(self, w, client, kestrel):  # noqa: F811
        client.force_login(w.ada.user)
        for name in ("resource", "resource_picture", "resource_edit"):
            assert client.get(to(name, kestrel.pk)).status_code == 403

    def test_a_role_at_another_location_sees_and_changes_only_its_own(self, w, client, rooms,  # noqa: F811
                                                                      kestrel, sam):  # fmt: skip  # noqa: F811
        client.force_login(sam)
        assert "Kestrel" not in words(client.get(to("resources")))
        for name in ("resource", "resource_edit", "resource_hours", "resource_closure_new",
                     "resource_picture", "resource_calendar"):  # fmt: skip
            assert client.get(to(name, kestrel.pk)).status_code == 404
        assert client.get(to("location_hours", w.house.pk)).status_code == 403
        answer = client.post(to("resource_new"), a_room(w, rooms))
        assert list(answer.context["form"].errors) == ["location"]
        rate = Rate.objects.get()
        assert client.get(to("resource_type_edit", rooms.pk)).status_code == 403
        assert client.post(to("rate_end", rooms.pk, rate.pk)).status_code == 403
        sent = {"form_key": new_key(), "per": "hour", "price": "1", "audience": "everyone"}
        answer = client.post(to("rate_new", rooms.pk), sent)
        assert list(answer.context["form"].errors) == ["location"]
        assert Rate.objects.get() == rate


class TestSettingUp:
    def test_a_resource_is_made_with_its_terms(self, w, mona, rooms):  # noqa: F811
        sent = a_room(
            w, rooms, who_may_book="plans", plans=[w.hot_desk.pk], minimum_minutes="30",
            free_cancellation_hours="24", preparation_minutes="15", earliest_days="90",
        )  # fmt: skip
        answer = mona.post(to("resource_new"), sent)
        owl = Resource.objects.get(name="Owl")
        assert answer["Location"] == to("resource", owl.pk)
        assert list(owl.plans.all()) == [w.hot_desk]
        assert (owl.lead_minutes, owl.late_fee) == (0, 50)
        text = words(mona.get(answer["Location"]))
        for said in (
            "With the plan Hot Desk", "30 min or longer", "up to 90 days ahead, until it begins",
            "Free of charge until 1 day before; later 50 % of the price is kept",
            "€60.00 an hour", "Neither it nor Riverside House has opening hours.",
        ):  # fmt: skip
            assert said in text.replace("\xa0", " "), said

    def test_a_form_sent_twice_makes_one(self, w, mona, rooms):  # noqa: F811
        sent = a_room(w, rooms)
        first, second = (mona.post(to("resource_new"), sent) for _time in range(2))
        assert first["Location"] == second["Location"]
        assert Resource.objects.filter(name="Owl").count() == 1

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("name", "Kestrel", "There is a resource of this name here."),
            ("capacity", "0", "greater than or equal to 1"),
            ("maximum_minutes", "10", "shorter than the shortest"),
            ("who_may_book", "teams", "Choose at least one team."),
            ("late_fee", "101", "less than or equal to 100"),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(self, w, mona, rooms, kestrel, field,  # noqa: F811
                                                    value, said):  # fmt: skip
        sent = a_room(w, rooms, minimum_minutes="30", **{field: value})
        answer = mona.post(to("resource_new"), sent)
        assert answer.status_code == 422
        beside = "teams" if value == "teams" else field
        assert said in str(answer.context["form"].errors[beside])

    def test_an_edit_changes_what_was_changed_and_leaves_what_others_did(self, w, mona, rooms,  # noqa: F811
                                                                         kestrel):  # fmt: skip  # noqa: F811
        address = to("resource_edit", kestrel.pk)
        form = mona.get(address).context["form"]
        kestrel.edit({}, plans=[w.office], by=w.manager)
        kestrel.edit({"capacity": 12}, by=w.manager)
        assert mona.post(address, as_shown(form, name="Osprey")).status_code == 302
        kestrel.refresh_from_db()
        assert (kestrel.name, kestrel.capacity) == ("Osprey", 12)
        assert list(kestrel.plans.all()) == [w.office]

    def test_two_edits_of_one_field_are_told(self, w, mona, kestrel):  # noqa: F811
        address = to("resource_edit", kestrel.pk)
        form = mona.get(address).context["form"]
        kestrel.edit({"name": "Falcon"}, by=w.manager)
        answer = mona.post(address, as_shown(form, name="Osprey"))
        assert answer.status_code == 422
        assert "Falcon" in str(answer.context["form"].errors["name"])

    def test_who_may_book_is_changed_with_its_plans(self, w, mona, kestrel):  # noqa: F811
        address = to("resource_edit", kestrel.pk)
        form = mona.get(address).context["form"]
        mona.post(address, as_shown(form, who_may_book="plans", plans=[w.office.pk]))
        kestrel.refresh_from_db()
        assert (kestrel.who_may_book, list(kestrel.plans.all())) == ("plans", [w.office])
        form = mona.get(address).context["form"]
        mona.post(address, as_shown(form, who_may_book="members", plans=[w.office.pk]))
        kestrel.refresh_from_db()
        assert (kestrel.who_may_book, list(kestrel.plans.all())) == ("members", [])

    def test_it_is_not_archived_while_bookings_lie_ahead(self, w, mona, kestrel, t):  # noqa: F811
        kestrel.book(
            customer=w.ada, start=t("2026-11-23 10:00"), end=t("2026-11-23 11:00"), by=w.mona
        )
        assert "1 booking lies ahead: move or cancel it first." in words(
            mona.get(to("resource_archive", kestrel.pk))
        )
        assert mona.post(to("resource_archive", kestrel.pk)).status_code == 422
        kestrel.refresh_from_db()
        assert kestrel.archived_at is None


class TestThePicture:
    def send(self, browser, resource, content: bytes, name: str = "room.png"):
        file = SimpleUploadedFile(name, content, content_type="image/png")
        return browser.post(to("resource_picture_edit", resource.pk), {"picture": file})

    def test_it_is_shown_taken_from_the_cache_and_taken_away(self, w, mona, kestrel):  # noqa: F811
        shown = to("resource_picture", kestrel.pk)
        assert mona.get(shown).status_code == 404
        assert self.send(mona, kestrel, story.PICTURE).status_code == 302
        answer = mona.get(shown)
        assert (answer.content, answer["Content-Type"]) == (story.PICTURE, "image/png")
        assert answer["X-Content-Type-Options"] == "nosniff"
        again = mona.get(shown, headers={"If-None-Match": answer["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert shown in mona.get(to("resource", kestrel.pk)).content.decode()
        mona.post(to("resource_picture_edit", kestrel.pk), {"remove": "1"})
        assert mona.get(shown).status_code == 404

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"<svg onload='alert(1)'/>", "Choose a PNG or JPEG picture."),
            (story.PICTURE + bytes(3 * 1024 * 1024), "The picture is larger than 3 MB."),
        ],
    )
    def test_what_is_no_picture_or_too_large_is_refused(self, w, mona, kestrel, content, said):  # noqa: F811
        answer = self.send(mona, kestrel, content)
        assert answer.status_code == 422
        assert said in str(answer.context["form"].errors["picture"])


class TestTypesAndPrices:
    def test_a_type_is_made_and_leads_to_its_prices(self, w, mona):
        sent = {"form_key": new_key(), "name": "Booths", "kind": "phone_booth",
                "half_day_hours": "4"}  # fmt: skip
        answer = mona.post(to("resource_type_new"), sent)
        booths = ResourceType.objects.get()
        assert answer["Location"] == to("resource_type", booths.pk)
        assert "Without a price whoever may book it pays nothing." in words(
            mona.get(answer["Location"])
        )
        again = mona.post(to("resource_type_new"), {**sent, "form_key": new_key()})
        assert "There is a type of this name." in str(again.context["form"].errors["name"])

    def test_a_type_is_edited(self, w, mona, rooms):  # noqa: F811
        address = to("resource_type_edit", rooms.pk)
        form = mona.get(address).context["form"]
        assert mona.post(address, as_shown(form, half_day_hours="5")).status_code == 302
        rooms.refresh_from_db()
        assert rooms.half_day_hours == 5

    def test_a_price_says_for_whom_and_when(self, w, mona, rooms):  # noqa: F811
        sent = {
            "form_key": new_key(), "per": "hour", "price": "30,50", "audience": "plans",
            "plans": [w.hot_desk.pk], "weekdays": ["0", "1", "2", "3", "4"],
            "from_time": "18:00", "until_time": "00:00",
        }  # fmt: skip
        assert mona.post(to("rate_new", rooms.pk), sent).status_code == 302
        text = words(mona.get(to("resource_type", rooms.pk)))
        assert "€30.50 an hour" in text
        assert "With the plan Hot Desk" in text
        assert "Monday to Friday, 18:00 to 24:00" in text

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("price", "-1", "greater than or equal to 0"),
            ("price", "1.999", "EUR has 2 decimals"),
            ("plans", [], "Choose at least one plan."),
            ("until_time", "17:00", "It ends before it begins."),
        ],
    )
    def test_a_price_that_cannot_be_is_refused(self, w, mona, rooms, field, value, said):  # noqa: F811
        sent = {
            "form_key": new_key(), "per": "hour", "price": "30", "audience": "plans",
            "plans": [w.hot_desk.pk], "from_time": "18:00", "until_time": "20:00", field: value,
        }  # fmt: skip
        answer = mona.post(to("rate_new", rooms.pk), sent)
        assert answer.status_code == 422
        assert said in str(answer.context["form"].errors[field])

    def test_a_price_is_ended(self, w, mona, rooms):  # noqa: F811
        rate = rooms.rates.get()
        page = mona.get(to("rate_end", rooms.pk, rate.pk))
        assert "without it they are free of charge" in words(page)
        mona.post(to("rate_end", rooms.pk, rate.pk))
        assert not rooms.rates.exists()
        assert mona.get(to("rate_end", rooms.pk, rate.pk)).status_code == 404


def week(**times) -> dict:
    """A week to send: `week(d0="08:00-20:00", d5="09:00-12:00 14:00-18:00")`."""
    sent = {"kind": "own"}
    for name, text in times.items():
        number = name.removeprefix("d")
        sent[f"weekday_{number}"] = "on"
        for span, again in zip(text.split(), ("", "again_"), strict=False):
            opens, closes = span.split("-")
            sent[f"opens_{again}{number}"] = opens
            sent[f"closes_{again}{number}"] = closes
    return sent


class TestHours:
    def test_a_week_is_set_and_told_in_words(self, w, mona, kestrel):  # noqa: F811
        sent = week(**{f"d{day}": "08:00-20:00" for day in range(5)}, d5="09:00-12:00 14:00-00:00")
        assert mona.post(to("resource_hours", kestrel.pk), sent).status_code == 302
        page = mona.get(to("resource", kestrel.pk))
        assert page.context["hours"] == [
            ("Monday to Friday", "08:00 to 20:00"),
            ("Saturday", "09:00 to 12:00 and 14:00 to 24:00"),
            ("Sunday", ""),
        ]
        form = mona.get(to("resource_hours", kestrel.pk)).context["form"]
        assert form["opens_again_5"].value() == dt.time(14)

    def test_without_any_it_goes_by_its_location(self, w, mona, kestrel):  # noqa: F811
        mona.post(to("location_hours", w.house.pk), week(d0="08:00-12:00"))
        mona.post(to("resource_hours", kestrel.pk), week(d0="10:00-12:00"))
        mona.post(to("resource_hours", kestrel.pk), {"kind": "usual"})
        assert not kestrel.opening_hours.exists()
        text = words(mona.get(to("resource", kestrel.pk)))
        assert "08:00 to 12:00" in text
        assert "As Riverside House." in text

    def test_a_location_without_any_is_always_open(self, w, mona, kestrel):  # noqa: F811
        mona.post(to("location_hours", w.house.pk), week(d0="08:00-12:00"))
        mona.post(to("location_hours", w.house.pk), {"kind": "usual"})
        assert "Always, day and night." in words(mona.get(to("resource", kestrel.pk)))

    @pytest.mark.parametrize(
        ("sent", "field", "said"),
        [
            (week(), "kind", "Tick at least one day."),
            (week(d0="08:00-"), "closes_0", "Say from when until when."),
            (week(d2="18:00-08:00"), "closes_2", "It closes before it opens."),
            (week(d3="08:00-12:00 11:00-14:00"), "weekday_3", "two of the times overlap"),
            ({"kind": "own", "weekday_1": "on"}, "opens_1", "Say from when until when."),
            ({}, "kind", "This field is required."),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_day(self, w, mona, kestrel, sent, field, said):  # noqa: F811
        answer = mona.post(to("resource_hours", kestrel.pk), sent)
        assert answer.status_code == 422
        assert said in str(answer.context["form"].errors[field])
        assert not OpeningHours.objects.exists()

    def test_what_is_booked_outside_is_listed_and_kept(self, w, mona, kestrel):  # noqa: F811
        start, end = story.moment("2026-11-23 18:00"), story.moment("2026-11-23 19:00")
        kestrel.book(customer=w.ada, start=start, end=end, by=w.mona)
        address, sent = to("resource_hours", kestrel.pk), week(d0="08:00-12:00")
        answer = mona.post(address, sent)
        assert answer.status_code == 422
        assert "1 booking would lie outside" in words(answer)
        assert not kestrel.opening_hours.exists()
        assert mona.post(address, sent | {"keep_bookings": "on"}).status_code == 302
        assert kestrel.opening_hours.count() == 1

    def test_hours_of_a_location_are_for_owners(self, w, client):
        client.force_login(w.manager)
        assert client.get(to("location_hours", w.house.pk)).status_code == 403


class TestClosures:
    def sent(self, **fields) -> dict:
        return {"form_key": new_key(), "first_on": "2026-11-23", **fields}

    def test_one_is_added_listed_and_taken_back(self, w, mona, kestrel):  # noqa: F811
        sent = self.sent(last_on="2026-11-24", from_time="12:00", reason="Painters are in")
        mona.post(to("resource_closure_new", kestrel.pk), sent)
        closure = Closure.objects.get()
        text = words(mona.get(to("resource", kestrel.pk)))
        assert "23 Nov to 24 Nov 2026, 12:00 to 24:00" in text
        assert "Painters are in" in text
        mona.post(to("resource_closure_end", kestrel.pk, closure.pk))
        assert not Closure.objects.exists()

    def test_bookings_that_lie_in_it_are_listed_and_kept_knowingly(self, w, mona, kestrel, t):  # noqa: F811
        kestrel.book(
            customer=w.ada, start=t("2026-11-23 10:00"), end=t("2026-11-23 11:00"), by=w.mona
        )
        address = to("resource_closure_new", kestrel.pk)
        answer = mona.post(address, self.sent())
        assert answer.status_code == 422
        assert "Kestrel, 23 Nov 2026, 10:00 to 11:00 is booked already." in words(answer)
        assert list(answer.context["form"].errors) == ["keep_bookings"]
        assert not Closure.objects.exists()
        assert mona.post(address, self.sent(keep_bookings="on")).status_code == 302
        assert Closure.objects.get().resource == kestrel

    def test_one_of_a_location_closes_whatever_is_there(self, w, mona, kestrel):  # noqa: F811
        sent = self.sent(yearly="on", reason="Christmas", first_on="2026-12-25")
        answer = mona.post(to("location_closure_new", w.house.pk), sent)
        assert answer["Location"] == to("location_hours", w.house.pk)
        assert "Christmas · all of Riverside House" in words(mona.get(to("resource", kestrel.pk)))
        closure = Closure.objects.get()
        # A resource's page is no way to the closures of its location.
        assert mona.post(to("resource_closure_end", kestrel.pk, closure.pk)).status_code == 404
        mona.post(to("location_closure_end", w.house.pk, closure.pk))
        assert not Closure.objects.exists()

    def test_one_that_ends_before_it_begins_is_refused(self, w, mona, kestrel):  # noqa: F811
        sent = self.sent(last_on="2026-11-20")
        answer = mona.post(to("resource_closure_new", kestrel.pk), sent)
        assert "It ends before it begins." in str(answer.context["form"].errors["last_on"])

    def test_what_is_over_is_not_listed(self, w, mona, kestrel, at):  # noqa: F811
        kestrel.close(first_on=day("2026-11-21"), by=w.mona)
        kestrel.close(first_on=day("2026-11-21"), yearly=True, by=w.mona)
        at("2026-11-25")
        assert len(mona.get(to("resource", kestrel.pk)).context["closures"]) == 1


class TestTheCalendarAddress:
    def test_it_is_made_renewed_and_taken_away(self, w, mona, kestrel):  # noqa: F811
        address = to("resource_calendar", kestrel.pk)
        assert "Make the address" in words(mona.get(address))
        mona.post(address)
        first = kestrel.calendar_feed
        assert f"/calendar/{first.token}.ics" in mona.get(address).content.decode()
        mona.post(address, {"renew": ""})
        second = kestrel.calendar_feed
        assert second.token != first.token
        mona.post(address, {"revoke": ""})
        assert kestrel.calendar_feed is None
        assert mona.post(address, {"revoke": ""}).status_code == 422
