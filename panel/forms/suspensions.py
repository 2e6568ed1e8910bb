from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.models import Customer
from kit.forms import HouseForm
from kit.once import OnceForm


class SuspendForm(HouseForm, OnceForm):
    """Why the door is closed. What people decide is decided by staff: they choose no cause.

    `ahead` is the number of bookings that would be cancelled.
    """

    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=forms.Textarea({"rows": 2}),
        help_text=_("Told to whoever signs in with the right password, and kept on the timeline."),
    )  # fmt: skip
    cancel_bookings = forms.BooleanField(
        required=False, help_text=_("Nothing is charged for them. Otherwise they stay.")
    )

    def __init__(self, *args, ahead: int, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["cancel_bookings"].label = cancel_label(ahead)
        if not ahead:
            del self.fields["cancel_bookings"]

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of `customer.suspend`."""
        return {name: value for name, value in self.cleaned_data.items() if name != "form_key"}


def cancel_label(ahead: int) -> str:
    """What the tick says that cancels bookings."""
    return ngettext(
        "Cancel the booking that lies ahead", "Cancel the %(number)d bookings that lie ahead", ahead
    ) % {"number": ahead}


class LiftForm(HouseForm, forms.Form):
    """Whether what was not billed meanwhile is charged; that is for managers to say."""

    bill_missed = forms.BooleanField(
        label=_("Charge the fees that fell due meanwhile"), required=False,
        help_text=_(
            "All of them at once, in full. Otherwise they are waived, and the next fee is the "
            "first one that falls due after today."
        ),
    )  # fmt: skip

    def __init__(self, *args, customer: Customer, user: Any, **kwargs):
        super().__init__(*args, **kwargs)
        suspension = customer.suspension
        waits = suspension is not None and suspension.waits
        if waits or not user.may("manage_space", at=customer.location):
            del self.fields["bill_missed"]
