import pytest
from django.core.management import call_command

from coworking.integrity import PROOFS
from coworking.story import PASSWORD, PEOPLE
from customers.models import Customer, Team, User
from plans.models import Contract, ContractEvent, Plan
from spaces.models import Location
from tests import story

pytestmark = pytest.mark.django_db


def test_the_demo_space_is_believable_and_sound(demo):
    assert Location.objects.get().name == "Riverside House"
    assert set(Plan.objects.values_list("name", flat=True)) == {
        "Hot Desk", "Dedicated Desk", "Private Office", "Virtual Office",
    }  # fmt: skip
    assert Customer.objects.count() == 60
    members = Customer.objects.members(on=story.TODAY).count()
    assert 20 < members < 55
    assert Team.objects.count() > 1
    assert ContractEvent.objects.filter(on__lt=story.day("2025-12-01")).exists()
    assert [finding for proof in PROOFS for finding in proof.find()] == []


def test_its_people_can_sign_in_and_are_who_they_are(demo, client):
    for email, name, what in PEOPLE:
        user = User.objects.get(email=email)
        assert (user.full_name, user.check_password(PASSWORD)) == (name, True)
        if not user.is_staff:
            customer = user.customers.get()
            assert customer.status == ("contact" if "contact again" in what else "member")
            assert (customer.suspension is not None) == (what == "suspended")


def test_a_second_demo_changes_nothing(demo, capsys):
    capsys.readouterr()
    before = Customer.objects.count(), Contract.objects.count()
    call_command("demo")
    assert (Customer.objects.count(), Contract.objects.count()) == before
    assert "nothing was changed" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.django_db(transaction=True)
def test_the_same_seed_gives_the_same_space(demo):
    def seen():
        contracts = Contract.objects.order_by("starts_on", "customer__email")
        return list(contracts.values_list("customer__email", "plan__name", "starts_on", "ends_on"))

    first = seen()
    call_command("demo", customers=60, reset=True)
    assert seen() == first


def test_a_space_of_ones_own_is_never_reset(w):
    with pytest.raises(SystemExit) as ended:
        call_command("demo", reset=True)
    assert ended.value.code == 3
    assert Customer.objects.exists()
