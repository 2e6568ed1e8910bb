import pytest

from billing.models import Charge
from tests.billing.ledger import is_sound


@pytest.fixture(autouse=True)
def _sound_afterwards(request):
    """Whatever a test of billing has done, the books are in order after it."""
    asked = "db" in request.fixturenames
    if asked:
        request.getfixturevalue("db")
    yield
    if asked and Charge.objects.exists():
        is_sound()
