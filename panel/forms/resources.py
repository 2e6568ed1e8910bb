from typing import Any

from django import forms
from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from bookings.models import Resource
from bookings.models.resources import LONGEST_PICTURE
from customers.models import Team
from kit.forms import EditForm, HouseForm, LinesField
from kit.once import OnceForm
from kit.widgets import Affixed, RadioCards
from plans.models import Plan

# Each inner tuple is one line on the screen.
SECTIONS: list[tuple[Any, list[tuple[str, ...]]]] = [
    (
        _("What it is"),
        [("name", "type"), ("location", "capacity"), ("description",), ("amenities",)],
    ),
    (_("Who may book it"), [("who_may_book",), ("plans",), ("teams",), ("needs_approval",)]),
    (
        _("How long"),
        [("minimum_minutes", "maximum_minutes"), ("step_minutes", "preparation_minutes")],
    ),
    (_("How early, how late"), [("earliest_days", "lead_minutes")]),
    (_("When a booking is given up"), [("free_cancellation_hours", "late_fee")]),
]
WHO = {
    "everyone": _("Members and contacts."),
    "members": _("Whoever has a contract in force on the day."),
    "contacts": _("Whoever has none on the day."),
    "plans": _("Choose the plans beneath."),
    "teams": _("Choose the teams beneath."),
}
ICONS = {
    "everyone": "users-round", "members": "badge-check", "contacts": "user-round",
    "plans": "armchair", "teams": "users",
}  # fmt: skip
# Left empty they are zero.
NUMBERS = ("preparation_minutes", "lead_minutes", "free_cancellation_hours", "late_fee")
MISSING = {"plans": _("Choose at least one plan."), "teams": _("Choose at least one team.")}


class ResourceFields(forms.ModelForm):
    """What can be said about a resource, for making and for editing it."""

    description = LinesField(
        label=_("Description"), required=False, max_length=5000, widget=forms.Textarea({"rows": 3})
    )
    amenities = LinesField(
        label=_("What is there"), required=False, max_length=2000,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("One a line: a screen, a whiteboard, daylight."),
    )  # fmt: skip

    class Meta:
        model = Resource
        fields = [name for _title, lines in SECTIONS for line in lines for name in line]
        labels = {
            "name": _("Name"),
            "type": _("Type"),
            "capacity": _("Room for"),
            "minimum_minutes": _("At least"),
            "maximum_minutes": _("At most"),
            "step_minutes": _("Charged in steps of"),
            "preparation_minutes": _("Kept free after each booking"),
            "earliest_days": _("Can be booked"),
            "lead_minutes": _("At the latest"),
            "needs_approval": _("Staff approve each booking before it counts"),
            "free_cancellation_hours": _("Free of charge until"),
            "late_fee": _("Kept of the price afterwards"),
        }
        help_texts = {
            "minimum_minutes": _("Empty: any length."),
            "maximum_minutes": _("Empty: up to 31 days."),
            "step_minutes": _("A step that has begun is charged in full."),
            "preparation_minutes": _("To clean and air it; it may reach into closed hours."),
            "earliest_days": _("Empty: any time ahead."),
            "lead_minutes": _("Empty: until it begins."),
            "free_cancellation_hours": _("Empty: until it begins."),
            "late_fee": _("0: nothing is kept."),
            "needs_approval": _("The time is kept meanwhile. Staff book without asking."),
        }
        widgets = {
            "capacity": Affixed({"inputmode": "numeric"}, after=_("people")),
            "minimum_minutes": Affixed({"inputmode": "numeric"}, after=_("minutes")),
            "maximum_minutes": Affixed({"inputmode": "numeric"}, after=_("minutes")),
            "step_minutes": Affixed({"inputmode": "numeric"}, after=_("minutes")),
            "preparation_minutes": Affixed({"inputmode": "numeric"}, after=_("minutes")),
            "earliest_days": Affixed({"inputmode": "numeric"}, after=_("days ahead")),
            "lead_minutes": Affixed({"inputmode": "numeric"}, after=_("minutes before")),
            "free_cancellation_hours": Affixed({"inputmode": "numeric"}, after=_("hours before")),
            "late_fee": Affixed({"inputmode": "decimal"}, after="%"),
            "who_may_book": RadioCards(helps=WHO, icons=ICONS),
            "plans": forms.CheckboxSelectMultiple,
            "teams": forms.CheckboxSelectMultiple,
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in NUMBERS:
            self.fields[name].required = False
        type_: Any = self.fields["type"]
        type_.empty_label = _("Choose a type")
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")

    def offer(self, *, plans: Any = (), teams: Any = ()) -> None:
        """Let plans and teams be chosen that are not archived, or stand there already."""
        for name, model, chosen in (("plans", Plan, plans), ("teams", Team, teams)):
            field: Any = self.fields[name]
            keys = [one.pk for one in chosen]
            field.queryset = model.objects.filter(Q(archived_at=None) | Q(pk__in=keys))

    def clean(self):
        cleaned = super().clean() or self.cleaned_data
        for name in NUMBERS:
            if cleaned.get(name) is None and name not in self.errors:
                cleaned[name] = 0
        for name, text in MISSING.items():
            wanted = cleaned.get("who_may_book") == name
            if wanted and not cleaned.get(name) and name not in self.errors:
                self.add_error(name, forms.ValidationError(text, code=f"{name}_missing"))
            if not wanted and name in cleaned:
                cleaned[name] = []
        return cleaned

    def _post_clean(self) -> None:
        """The record itself checks its fields when it is written."""

    @property
    def sections(self):
        """The fields by heading, as the page shows them."""
        return [
            (title, [[self[name] for name in line if name in self.fields] for line in lines])
            for title, lines in SECTIONS
        ]


class NewResourceForm(OnceForm, HouseForm, ResourceFields):
    """A resource to be made."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.offer()

    @property
    def words(self) -> dict[str, Any]:
        """What `Resource.objects.make` takes."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}


class EditResourceForm(EditForm, ResourceFields):
    """A resource, changed beside other people who may change it too. It stays where it is."""

    def __init__(self, *args, record: Resource, **kwargs):
        chosen = {name: list(getattr(record, name).all()) for name in MISSING}
        kwargs["initial"] = {name: [one.pk for one in found] for name, found in chosen.items()}
        super().__init__(*args, record=record, **kwargs)
        del self.fields["location"]
        self.offer(**chosen)

    @cached_property
    def changed_data(self) -> list[str]:
        """The fields of the record that were changed; plans and teams are asked for apart."""
        return [name for name in super().changed_data if name not in MISSING]

    @property
    def chosen(self) -> dict[str, Any]:
        """The plans and teams, where the author changed them."""
        touched = set(super().changed_data)
        return {
            name: self.cleaned_data[name]
            for name in MISSING
            if name in touched or "who_may_book" in touched
        }


class PictureForm(HouseForm, forms.Form):
    """What a resource looks like."""

    picture = forms.FileField(
        label=_("Picture"),
        help_text=_("PNG or JPEG, up to 3 MB. Landscape looks best."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
        error_messages={"required": _("Choose a picture first.")},
    )

    @property
    def content(self) -> bytes:
        """What was sent, or one byte more than is allowed of it: enough to refuse it."""
        return self.cleaned_data["picture"].read(LONGEST_PICTURE + 1)
