"""A refusal of the database becomes words, and two edits of one record meet politely."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from customers.models import Customer, Suspension
from kit import problems
from kit.problems import Problem, Refused, in_words, problems_of, refuse_if
from plans.models import CallOff, Freeze
from tests import story

pytestmark = pytest.mark.django_db


def test_no_problem_refuses_nothing():
    refuse_if([])
    with pytest.raises(Refused) as caught:
        refuse_if([Problem("late", "Too late."), Problem("far", "Too far.", "starts_on")])
    assert caught.value.codes == ["late", "far"]
    assert str(caught.value) == "Too late. Too far."
    assert caught.value.problems[1].field == "starts_on"


def test_the_errors_of_a_form_are_problems_with_their_fields():
    error = ValidationError(
        {"name": ValidationError("No.", code="no"), "__all__": ["Never.", "Ever."]}
    )
    assert problems_of(error) == [
        Problem("no", "No.", "name"),
        Problem("invalid", "Never."),
        Problem("invalid", "Ever."),
    ]


def refusal(deed) -> list[str]:
    with pytest.raises(Refused) as caught, transaction.atomic(), in_words():
        deed()
    return caught.value.codes


def test_constraints_of_every_kind_are_spoken_for(w):
    """A unique column, a partial and a named index, a check, and a trigger or exclusion."""
    for customer in (w.ada, w.omar):
        customer.external_id = "A-1"
    w.ada.save()
    assert refusal(w.omar.save) == ["external_id_taken"]
    assert refusal(lambda: story.login("mona@example.com")) == ["email_taken"]
    now = {"reason": "x", "cause": "manual", "suspended_on": story.TODAY}
    assert refusal(lambda: Suspension.objects.create(customer=w.viktor, **now)) == [
        "already_suspended"
    ]
    broken = story.person(w.house)
    broken.type = "company"
    assert refusal(broken.save) == ["company_name_missing"]
    CallOff.objects.create(contract=w.ada_contract)
    assert refusal(lambda: CallOff.objects.create(contract=w.ada_contract)) == ["called_off"]
    days = {"contract": w.lin_contract, "from_on": story.TODAY}
    Freeze.objects.create(**days)
    assert refusal(lambda: Freeze.objects.create(**days)) == ["freezes_overlap"]


def test_a_violation_that_nobody_found_words_for_is_raised_as_it_came(w):
    with pytest.raises(IntegrityError), transaction.atomic(), in_words():
        Customer.objects.filter(pk=w.ada.pk).update(type="robot")


def test_every_name_with_words_is_a_constraint_a_guard_or_a_column():
    from django.apps import apps

    from kit import guards

    # What PostgreSQL calls the uniqueness of a column.
    keys = {
        "customers_user_email_key", "spaces_location_name_key", "bookings_resourcetype_name_key",
        "billing_chargevoid_charge_id_key", "billing_payment_reverses_id_key",
        "billing_invoiceline_charge_id_key", "billing_claimcancellation_claim_id_key",
    }  # fmt: skip
    # Its exclusion constraints, which migrations make.
    apart = {"freezes_stay_apart", "bookings_stay_apart", "assignments_stay_apart"}
    names = set(guards._guards) | apart | keys
    for model in apps.get_models():
        names |= {constraint.name for constraint in model._meta.constraints}
        names |= {f"{model._meta.db_table}.{f.column}" for f in model._meta.local_fields}
    assert set(problems._by_constraint) <= names
