"""What the house writes to people: who hears of what, in HTML and in text, once."""

import datetime as dt
import html
import re

import pytest
from django.urls import reverse

from bookings import repeats
from bookings.models import ResourceType
from bookings.repeats import Pattern, book_series, wishes
from coworking import daily
from customers.letters import LETTERS
from customers.models import User
from kit import outbox
from kit.models import OutboxMessage
from plans.announcements import roll
from spaces import letters
from tests import story
from tests.story import TODAY

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def w(w):
    outbox.keep_back()
    OutboxMessage.objects.all().delete()
    return w


def mails(to: str | None = None) -> list[OutboxMessage]:
    return [one for one in OutboxMessage.objects.order_by("pk") if to in (None, one.to[0])]


def mail(to: str) -> OutboxMessage:
    [found] = mails(to)
    return found


def words_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_suspension_is_told_with_its_reason(w):
    w.ada.suspend(by=w.mona, reason="Three invoices unpaid")
    letter = mail("ada@example.com")
    assert letter.subject == "Your access to Riverside House is closed"
    for body in (letter.text, words_of(letter.html)):
        assert "Three invoices unpaid" in body
        assert "Contracts that you have go on" in body


def test_it_is_told_to_the_login_too_where_that_has_another_address(w):
    w.lin.edit({"email": "office@lin.example"}, by=w.mona)
    w.lin.suspend(by=w.mona, reason="Noise")
    assert {one.to[0] for one in mails()} == {"office@lin.example", "lin@example.com"}


def test_a_suspension_that_does_not_happen_is_not_told(w):
    with pytest.raises(Exception, match="already"):
        w.viktor.suspend(by=w.mona, reason="Again")
    assert mails() == []


def test_a_reinstatement_is_told(w):
    w.viktor.reinstate(by=w.mona)
    letter = mail("viktor@example.com")
    assert letter.subject == "Your access to Riverside House is open again"
    assert "http://testserver/portal/login/" in letter.text


def test_a_start_is_told_with_its_terms_on_its_day(w):
    w.hot_desk.sign_up(w.noor, by=w.mona)
    letter = mail("noor@example.com")
    assert letter.subject == "Hot Desk starts today"
    assert "€250.00" in letter.text
    assert "€250.00" in words_of(letter.html)
    assert "20 Nov 2026" in letter.text


def test_a_start_to_come_is_told_when_it_comes(w, at):
    w.hot_desk.sign_up(w.noor, starts_on=TODAY + 3 * DAY, by=w.mona)
    assert mails() == []
    at("2026-11-23")
    roll()
    roll()
    assert mail("noor@example.com").subject == "Hot Desk starts today"


def test_an_end_is_told_once(w, at):
    w.ada_contract.cancel(last_day=TODAY, by=w.mona)
    OutboxMessage.objects.all().delete()
    at("2026-11-21")
    roll()
    roll()
    letter = mail("ada@example.com")
    assert letter.subject == "Hot Desk has ended"
    assert "20 Nov 2026" in letter.text


def test_a_cancellation_is_confirmed_with_its_last_day_and_its_last_fee(w):
    w.ada_contract.cancel(last_day=dt.date(2026, 12, 20), by=w.ada.user)
    letter = mail("ada@example.com")
    assert letter.subject == "Hot Desk is cancelled: your last day is 20 Dec 2026"
    assert "Last fee: €161.29, due on 21 Dec 2026" in letter.text


def test_its_withdrawal_is_told_too(w):
    w.ada_contract.cancel(last_day=dt.date(2026, 12, 20), by=w.ada.user)
    OutboxMessage.objects.all().delete()
    w.ada_contract.withdraw_cancellation(by=w.ada.user)
    letter = mail("ada@example.com")
    assert letter.subject == "Hot Desk goes on"
    assert "until somebody cancels" in letter.text


def test_a_last_day_that_has_passed_is_one_letter(w):
    w.ada_contract.cancel(last_day=TODAY - DAY, by=w.mona)
    assert mail("ada@example.com").subject == "Hot Desk has ended"


def test_what_is_only_looked_at_before_cancelling_is_told_nobody(w):
    from plans import previews

    previews.of_cancellation(w.ada_contract, last_day=dt.date(2026, 12, 20), by=w.ada.user)
    assert mails() == []


def test_a_move_to_another_plan_is_one_letter_and_no_goodbye(w, at):
    w.ada_contract.change_plan(to=w.office, starts_on=TODAY + DAY, by=w.mona)
    at("2026-11-21")
    roll()
    assert mail("ada@example.com").subject == "You have moved to Private Office"


def test_old_news_and_imports_are_not_told(w):
    w.hot_desk.sign_up(w.noor, starts_on=TODAY - 8 * DAY, by=w.mona)
    w.hot_desk.sign_up(w.omar, by=w.mona, quiet=True)
    assert mails() == []


def test_a_preview_tells_nobody(w):
    from plans import previews

    previews.of_change(w.ada_contract, to=w.office, starts_on=TODAY + DAY, by=w.mona)
    assert mails() == []


def test_an_invitation_says_who_invites_where_to_and_until_when(w):
    w.omar.invite(by=w.frida)
    letter = mail("omar@example.com")
    assert letter.subject == "Your portal at Riverside House"
    assert "Hello Omar Haddad," in letter.text
    assert "4 Dec 2026" in letter.text
    w.team.invite("new@example.com", by=w.lin.user)
    assert mail("new@example.com").subject == "lin@example.com invites you into the team Lin & Co"


def test_the_same_words_stand_in_both_forms(w):
    w.omar.invite(by=w.frida)
    letter = mail("omar@example.com")
    link = re.findall(r"http://testserver\S+", letter.text)[0]
    assert f'href="{link}"' in letter.html
    assert "The link works once" in letter.text
    assert "The link works once" in words_of(letter.html)


# What a letter is useless without.
CARRIES = {
    "account/email/email_confirmation": "code",
    "account/email/email_confirmation_signup": "code",
    "account/email/unknown_account": "signup_url",
    "account/email/password_reset_key": "password_reset_url",
    "account/email/email_changed": "to_email",
}


@pytest.mark.parametrize("name", sorted(LETTERS))
def test_every_letter_about_signing_in_has_words_in_both_forms(w, name):
    context = {
        "code": "ABCD-EFGH", "password_reset_url": "http://testserver/x/",
        "signup_url": "http://testserver/portal/join/", "user": w.mona,
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)", "from_email": "a@example.com",
        "to_email": "b@example.com",
    }  # fmt: skip
    from customers.letters import send

    send(name, "ada@example.com", context)
    letter = mail("ada@example.com")
    assert letter.subject
    assert "{" not in letter.text
    assert len(words_of(letter.html)) > 60
    if name in CARRIES:
        assert context[CARRIES[name]] in letter.text
        assert context[CARRIES[name]] in letter.html


def test_every_letter_that_the_package_may_ask_for_is_known():
    """A release that writes a new letter is noticed here and not by whoever waits for it."""
    from pathlib import Path

    import allauth

    folder = Path(allauth.__file__).parent / "templates"
    theirs = {
        str(path.relative_to(folder)).removesuffix("_message.txt")
        for path in folder.glob("*/email/*_message.txt")
    }
    unused = {
        "account/email/base", "account/email/login_code", "account/email/password_reset_code",
        "mfa/email/webauthn_added", "mfa/email/webauthn_removed",
        "socialaccount/email/account_connected", "socialaccount/email/account_disconnected",
    }  # fmt: skip
    assert theirs - unused == set(LETTERS)


def test_what_a_person_wrote_is_text_and_no_html(w):
    letters.write(
        "ada@example.com", subject="Hello", lines=["<b>bold</b> & <script>alert(1)</script>"]
    )
    letter = mail("ada@example.com")
    assert "<script>" not in letter.html
    assert "&lt;b&gt;bold" in letter.html
    assert "<b>bold</b> & <script>" in letter.text


def test_a_line_break_in_a_subject_makes_no_header(w):
    letters.write("ada@example.com", subject="Hello\nBcc: all@example.com", lines=["Hi"])
    assert "\n" not in mail("ada@example.com").subject


def test_the_daily_job_writes_and_the_demo_does_not(w, at):
    w.ada_contract.cancel(last_day=TODAY, by=w.mona)
    outbox.keep_back()
    at("2026-11-21")
    daily.run(daily.CHORES, job="daily")
    assert outbox.deliver()[0] == 2  # that it has ended, and the last invoice


class TestThePageOfMails:
    def test_without_a_mail_server_the_site_shows_what_would_go_out(self, w, client, settings):
        settings.SHOWS_MAIL = True
        w.omar.invite(by=w.frida)
        letter = mail("omar@example.com")
        assert letter.subject in client.get(reverse("mail")).content.decode()
        page = client.get(reverse("mail_message", args=[letter.pk])).content.decode()
        link = re.findall(r'href="(http://testserver/portal/join/[^"]+)"', page)[0]
        assert client.get(link.removeprefix("http://testserver")).status_code == 200
        arrived = client.get(reverse("mail_html", args=[letter.pk]))
        assert "unsafe-inline" in arrived["Content-Security-Policy"]
        assert client.get(reverse("mail_message", args=[10**9])).status_code == 404

    def test_with_one_it_does_not(self, w, client, settings):
        assert settings.SHOWS_MAIL is False
        w.omar.invite(by=w.frida)
        key = mail("omar@example.com").pk
        client.force_login(User.objects.get(pk=w.mona.pk))
        for address in (
            reverse("mail"), reverse("mail_message", args=[key]), reverse("mail_html", args=[key]),
        ):  # fmt: skip
            answer = client.get(address)
            assert answer.status_code == 404
            assert "omar" not in answer.content.decode()


class TestBookings:
    @pytest.fixture
    def kestrel(self, w):
        rooms = ResourceType.objects.make(name="Meeting rooms", by=None)
        rooms.add_rate(per="hour", price=60, by=None)
        return story.room(w.house, rooms, free_cancellation_hours=24)

    def book(self, w, kestrel, by=None):
        return kestrel.book(
            customer=w.ada, start=story.moment("2026-11-23 10:00"),
            end=story.moment("2026-11-23 12:00"), by=by or w.mona,
        )  # fmt: skip

    def test_a_booking_is_told_with_its_time_and_price(self, w, kestrel):
        booking = self.book(w, kestrel)
        letter = mail("ada@example.com")
        assert letter.subject == "Booked: Kestrel"
        for text in (
            "Kestrel, 23 Nov 2026, 10:00 to 12:00", "€120.00", "until 22 Nov 2026, 10:00",
            f"/portal/bookings/{booking.pk}/",
        ):  # fmt: skip
            assert text in letter.text

    def test_a_request_is_told_to_both_sides_and_its_approval(self, w, kestrel):
        w.house.contact_email = "hello@riverside.example"
        w.house.save()
        kestrel.edit({"needs_approval": True}, by=None)
        booking = self.book(w, kestrel, by=w.ada.user)
        assert mail("hello@riverside.example").subject == "Ada Lovelace asks for Kestrel"
        booking.approve(by=w.mona)
        assert [one.subject for one in mails("ada@example.com")] == [
            "We have your request for Kestrel", "Approved: Kestrel",
        ]  # fmt: skip

    def test_a_change_and_a_late_cancellation(self, w, kestrel, at):
        booking = self.book(w, kestrel)
        booking.change(note="Bring a cable", by=w.mona)
        booking.reschedule(start=story.moment("2026-11-23 14:00"), by=w.mona)
        at("2026-11-23 09:00Z")
        booking.cancel(by=w.mona, reason="The heating is broken")
        changed, cancelled = mails("ada@example.com")[1:]
        assert (changed.subject, cancelled.subject) == ("Changed: Kestrel", "Cancelled: Kestrel")
        assert "14:00 to 16:00" in changed.text
        assert "€120.00" in cancelled.text
        assert "The heating is broken" in cancelled.text

    def test_a_series_is_told_once(self, w, kestrel):
        pattern = Pattern("weekly", count=20)
        wanted = wishes(kestrel, pattern.dates(TODAY + DAY), dt.time(10), dt.timedelta(hours=1))
        series = book_series(wanted, pattern, customer=w.ada, by=w.mona)
        letter = mail("ada@example.com")
        assert "8 more dates" in letter.text
        repeats.cancel(series.bookings.earliest("start"), scope="all", by=w.mona)
        assert len(mails("ada@example.com")) == 2

    def test_what_nobody_approved_is_told(self, w, kestrel, at):
        kestrel.edit({"needs_approval": True}, by=None)
        self.book(w, kestrel, by=w.ada.user)
        at("2026-11-23 11:00Z")
        daily.run([chore for chore in daily.CHORES if chore.name == "lapse_bookings"], job="daily")
        assert mails("ada@example.com")[-1].subject == "Not approved: Kestrel"

    def test_what_is_over_is_not_told(self, w, kestrel):
        kestrel.book(
            customer=w.ada, start=story.moment("2026-11-20 09:00"),
            end=story.moment("2026-11-20 10:00"), by=w.mona,
        )  # fmt: skip
        assert mails() == []
