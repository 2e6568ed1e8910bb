from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking
from customers.models import Customer
from kit.forms import HouseForm
from kit.once import OnceForm
from spaces.models import Location

DESK, RECORD = "desk", "record"


class ArriveForm(HouseForm, OnceForm):
    """Somebody comes in: whom, where, and maybe for which booking. All of it is a click."""

    customer = forms.ModelChoiceField(Customer.objects.none(), widget=forms.HiddenInput)
    location = forms.ModelChoiceField(Location.objects.none(), widget=forms.HiddenInput)
    booking = forms.ModelChoiceField(
        Booking.objects.none(), required=False, widget=forms.HiddenInput
    )
    back = forms.ChoiceField(
        label=_("Back"), choices=[(DESK, DESK), (RECORD, RECORD)], required=False,
        widget=forms.HiddenInput,
    )  # fmt: skip

    def __init__(self, *args, user: Any, **kwargs):
        """Whom this person may see, or who has a booking there, is let in where they may do so."""
        super().__init__(*args, **kwargs)
        places = user.places("serve_customers")
        here = Location.objects.all()
        here = here if places is None else here.filter(pk__in=places)
        fields: dict[str, Any] = self.fields
        fields["location"].queryset = here
        booked = Booking.objects.filter(resource__location__in=here)
        fields["booking"].queryset = booked
        seen = Customer.objects.visible_to(user).values("pk")
        fields["customer"].queryset = Customer.objects.filter(
            Q(pk__in=seen) | Q(pk__in=booked.values("customer"))
        ).select_related("location")

    def clean(self):
        """A booking is its customer's, and at the location."""
        cleaned = super().clean() or self.cleaned_data
        booking = cleaned.get("booking")
        if booking is not None and (
            booking.customer != cleaned.get("customer")
            or booking.resource.location != cleaned.get("location")
        ):
            text = _("This booking is somebody else's, or elsewhere.")
            raise forms.ValidationError(text, code="other_booking")
        return cleaned
