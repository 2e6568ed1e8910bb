import datetime as dt
from decimal import Decimal

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from kit.policies import policy
from kit.spans import Span
from kit.widgets import Affixed, DateInput, MoneyInput, RadioCards


class SpecimenForm(forms.Form):
    """One field of every kind. It is shown, and checked when sent, but nothing is stored."""

    type = forms.ChoiceField(
        label=_("Type"),
        choices=[("individual", _("Individual")), ("company", _("Company"))],
        widget=RadioCards(
            helps={
                "individual": _("A person who uses the space for themselves."),
                "company": _("A legal name, and one person to talk to."),
            },
            icons={"individual": "user-round", "company": "building-2"},
        ),
    )
    full_name = forms.CharField(label=_("Name"), max_length=200)
    email = forms.EmailField(
        label=_("E-mail"), help_text=_("Invoices and invitations are sent here.")
    )
    plan = forms.ChoiceField(
        label=_("Plan"),
        required=False,
        choices=[("", _("No plan")), ("hot", "Hot Desk"), ("office", "Private Office")],
    )
    starts_on = forms.DateField(label=_("First day"), widget=DateInput)
    price = forms.DecimalField(
        label=_("Price"), initial=Decimal("300"), widget=MoneyInput(currency="EUR")
    )
    notice = forms.IntegerField(label=_("Notice"), required=False, widget=Affixed(after=_("days")))
    cause = forms.ChoiceField(
        label=_("Cause"),
        required=False,
        choices=[("manual", _("Decided by staff")), ("debt", _("Unpaid invoices"))],
        widget=forms.RadioSelect,
    )
    notes = forms.CharField(label=_("Notes"), required=False, widget=forms.Textarea)
    file = forms.FileField(label=_("File"), required=False)
    self_cancel = forms.BooleanField(
        label=_("Customers may cancel themselves"),
        required=False,
        help_text=_("With the plan's notice and minimum term."),
    )

    def clean(self):
        if self.cleaned_data.get("cause") == "debt":
            raise forms.ValidationError(_("Nothing is unpaid, so it cannot be the cause."))


@policy("own_space")
def components(request: HttpRequest) -> HttpResponse:
    """Every component of the design system, with the words that call it."""
    sent = request.method == "POST"
    form = SpecimenForm(request.POST, request.FILES) if sent else SpecimenForm()
    if sent and form.is_valid():
        messages.success(request, _("Everything is filled in. Nothing was stored."))
    asked, status = request.GET.get("q", ""), request.GET.get("status", "")
    people = [
        person
        for person in _people()
        if asked.casefold() in f"{person['name']} {person['note']}".casefold()
        and status in ("", person["status"])
    ]
    if request.GET.get("sort") == "-name":
        people.reverse()
    if "say" in request.GET:
        for level in ("success", "info", "warning", "error"):
            getattr(messages, level)(request, _("This is how a message looks."))
    return render(
        request,
        "panel/components.html",
        {
            "form": form,
            "today": SPECIMEN_DAY,
            "spans": _spans(),
            "timeline": _timeline(),
            "people": people,
            "q": asked,
            "status": status,
            "states": ["active", "ending", "scheduled", "frozen", "ended", "called_off"],
            "amount": Decimal("1234.5"),
            "sort": request.GET.get("sort", "name"),
            "steps": [
                (_("File"), "done", "#imports"),
                (_("Columns"), "done", "#imports"),
                (_("Dry run"), "current", ""),
                (_("Result"), "", ""),
            ],
            "crumbs": [(_("Customers"), "#"), ("Lin & Co", "#")],
            "colours": [
                "paper", "surface", "sunken", "raised", "line", "line-strong", "line-control",
                "ink", "ink-soft", "ink-faint", "accent", "accent-soft", "good", "good-soft",
                "warn", "warn-soft", "bad", "bad-soft", "info", "info-soft", "cold", "cold-soft",
            ],
        },
    )  # fmt: skip


# The page shows the same on every day, so that pictures of it can be compared.
SPECIMEN_DAY = dt.date(2026, 6, 12)


def _spans() -> list[Span]:
    return [
        Span("Hot Desk", dt.date(2025, 3, 1), dt.date(2026, 1, 31), "ended", note="€180.00"),
        Span(
            "Dedicated Desk", dt.date(2026, 2, 1), dt.date(2026, 8, 31), "ending", note="€300.00",
            gaps=[(dt.date(2026, 4, 6), dt.date(2026, 5, 3))],
        ),
        Span("Virtual Office", dt.date(2026, 1, 15), None, "active", note="€49.00"),
        Span("Private Office", dt.date(2026, 9, 1), None, "scheduled", note="€900.00"),
    ]  # fmt: skip


def _timeline() -> list[dict]:
    return [
        {"kind": "reinstated", "title": _("Reinstated"), "on": dt.date(2026, 6, 2),
         "text": _("by Mona: paid in full")},
        {"kind": "suspended", "title": _("Suspended"), "on": dt.date(2026, 5, 20),
         "text": _("by Mona: three invoices unpaid")},
        {"kind": "froze", "title": _("Contract frozen"), "on": dt.date(2026, 4, 6),
         "text": "Dedicated Desk"},
        {"kind": "became_member", "title": _("Became a member"), "on": dt.date(2026, 2, 1),
         "text": _("by the contract Dedicated Desk")},
        {"kind": "registered", "title": _("Registered"), "on": dt.date(2026, 1, 12), "text": ""},
    ]  # fmt: skip


def _people() -> list[dict]:
    return [
        {"name": "Ada Okafor", "note": "ada@example.com", "type": "individual", "status": "member",
         "plan": "Hot Desk", "since": dt.date(2025, 11, 3), "price": Decimal("180")},
        {"name": "Lin & Co", "note": "Lin Zhao, lin@example.com", "type": "company",
         "status": "member", "plan": "Private Office", "since": dt.date(2024, 2, 1),
         "price": Decimal("900")},
        {"name": "Noor Haddad", "note": "noor@example.com", "type": "individual",
         "status": "contact", "plan": "", "since": dt.date(2025, 6, 14), "price": None},
        {"name": "Viktor Ilves", "note": "viktor@example.com", "type": "individual",
         "status": "member", "suspended": True, "plan": "Dedicated Desk",
         "since": dt.date(2026, 1, 15), "price": Decimal("300")},
    ]  # fmt: skip
