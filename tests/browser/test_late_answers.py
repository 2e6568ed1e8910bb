"""What somebody enters while an htmx request is under way stays, whatever its answer says."""


import pytest
from django.urls import reverse

from tests import story
from tests.browser.answers import Held

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def late_booking(w):
    """A booking of Ada's on 23 November, after the last day that the tests choose."""
    story.bookable(w)
    start, end = story.moment("2026-11-23 14:00"), story.moment("2026-11-23 15:00")
    return w.kestrel.book(customer=w.ada, start=start, end=end, by=w.mona)


def test_a_tick_survives_a_preview_that_was_under_way(w, late_booking, page_at):
    page = page_at(reverse("panel:contract_cancellation", args=[w.ada_contract.pk]), user=w.mona)
    page.get_by_label("Last day").fill("2026-11-21")
    page.get_by_label("Last day").press("Tab")
    page.get_by_text("1 booking lies after the last day").wait_for()
    with Held(page) as held:
        page.get_by_label("Last day").fill("2026-11-20")
        page.get_by_label("Last day").press("Tab")
        held.wait()
        page.get_by_label("Cancel it too").check()
        held.release()
    assert page.get_by_label("Cancel it too").is_checked()
    page.get_by_role("button", name="Cancel the contract").click()
    page.get_by_text("Cancelled.", exact=True).wait_for()
    late_booking.refresh_from_db()
    assert late_booking.state == "cancelled"
