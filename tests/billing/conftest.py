import pytest

from billing.models import Charge
from tests.billing.ledger import is_sound


@pytest.fixture(autouse=True)
def _sound_afterwards(request):
    """Whatever a test of billing has done, the books are in order after it; not where a module
    says that its charges are `MADE_UP`."""
    asked = "db" in request.fixturenames and not getattr(request.module, "MADE_UP", False)
    if asked:
        request.getfixturevalue("db")
    yield
    if asked and Charge.objects.exists():
        is_sound()
