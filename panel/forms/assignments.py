from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.models import Resource
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.widgets import DateInput
from plans.models import Contract


class AssignForm(HouseForm, OnceForm):
    """What a contract occupies, and from when."""

    resource = forms.ModelChoiceField(
        Resource.objects.none(), label=_("Resource"), empty_label=_("Choose what it occupies")
    )
    first_on = forms.DateField(label=_("First day"), widget=DateInput)

    def __init__(self, *args, contract: Contract, **kwargs):
        super().__init__(*args, **kwargs)
        resource: Any = self.fields["resource"]
        here = Resource.objects.live().filter(location=contract.location_id)
        resource.queryset = here.select_related("type").order_by("type__name", "name")
        resource.label_from_instance = lambda one: f"{one.name} · {one.type.name}"


class LeaveForm(HouseForm, OnceForm):
    """The last day on which a contract occupies a resource."""

    last_on = forms.DateField(
        label=_("Last day"), widget=DateInput, help_text=_("The contract goes on without it.")
    )
