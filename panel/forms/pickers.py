"""Somebody among very many: found by name or e-mail, as one types or by sending the form."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from customers.models.customer import CustomerQuerySet

SHOWN = 8


def within_reach_of(user: Any) -> CustomerQuerySet:
    """Those whom staff may serve and who are not archived."""
    places = user.places("serve_customers")
    found = Customer.objects.visible_to(user).live()
    return found if places is None else found.filter(location__in=places)


class Typed(str):
    """Words in the search box, with the key of whoever is chosen beneath it, if anybody is.

    `picked` says that the choice was made after the words were typed.
    """

    chosen = ""
    picked = False


class Found:
    """Whom some words find among customers: `rows`, which key is chosen, whether there are more.

    Without words it is whoever was chosen before. A whole e-mail, or words that find one customer
    alone, choose it. A customer who was `picked` after the words were typed comes first even if
    the words do not find them. `nobody` says that nobody is chosen, on purpose or so far.
    """

    def __init__(
        self,
        among: CustomerQuerySet,
        text: str,
        chosen: str = "",
        kept: Any = None,
        *,
        picked: bool = False,
    ):
        self.text = text.strip()
        if self.text:
            rows = list(among.matching(self.text)[: SHOWN + 1])
            if picked and chosen and chosen not in {str(row.pk) for row in rows[:SHOWN]}:
                rows = [*_one(among, chosen), *rows]
        else:
            rows = _one(Customer.objects.all() if chosen == str(kept) else among, chosen)
        self.rows, self.more = rows[:SHOWN], len(rows) > SHOWN
        same = [row for row in self.rows if row.email == self.text.lower()]
        only = same if len(same) == 1 else self.rows
        known = [row for row in self.rows if str(row.pk) == chosen]
        self.nobody = not chosen if picked else not (self.rows or self.text)
        self.customer: Customer | None = None
        if known or not (picked and self.nobody):
            self.customer = next(iter(known or (only if len(only) == 1 else [])), None)

    @property
    def chosen(self) -> int | None:
        return self.customer.pk if self.customer else None


def _one(among: CustomerQuerySet, key: str) -> list[Customer]:
    return list(among.filter(pk=int(key))) if key.isdecimal() and len(key) < 19 else []


class CustomerPicker(forms.Widget):
    """A search box, and beneath it whom it finds. Without script the next page brings them."""

    template_name = "panel/customers/_picker.html"
    use_fieldset = True
    among: CustomerQuerySet = Customer.objects.none()
    nobody = False
    kept: int | None = None

    def __init__(self, attrs=None):
        super().__init__({"autocomplete": "off"} | (attrs or {}))

    def value_from_datadict(self, data, files, name) -> str:
        """Words win over a choice that was made before they were typed."""
        chosen, text = data.get(name), data.get(f"{name}_q", "").strip()
        nobody = chosen == "" and data.get(f"{name}_asked") == text
        if not text or nobody:
            return chosen or ""
        typed = Typed(text)
        typed.chosen = chosen or ""
        typed.picked = bool(chosen) and data.get(f"{name}_asked") == text
        return typed

    def value_omitted_from_data(self, data, files, name) -> bool:
        return name not in data and f"{name}_q" not in data

    def get_context(self, name, value, attrs):
        text = value if isinstance(value, Typed) else ""
        chosen = value.chosen if isinstance(value, Typed) else str(value or "")
        return super().get_context(name, value, attrs) | {
            "field": name,
            "found": Found(
                self.among, text, chosen, self.kept, picked=getattr(value, "picked", False)
            ),
            "current": chosen,
            "nobody": self.nobody,
        }


class CustomerField(forms.Field):
    """One customer, or with `nobody` perhaps none."""

    widget: Any = CustomerPicker
    default_error_messages = {
        "required": _("Say who."),
        "unknown": _("Nobody is found by that. Try a part of the name or of the e-mail."),
        "several": _("Several are found: choose one of them."),
    }

    def __init__(self, *, nobody: bool = False, **kwargs):
        super().__init__(required=not nobody, **kwargs)
        self.widget.nobody = nobody
        self.offer(Customer.objects.none())

    def offer(self, among: CustomerQuerySet, *, kept: int | None = None) -> None:
        """Let these be chosen, and whoever stands there already."""
        self.among = self.widget.among = among
        self.kept = self.widget.kept = kept

    def prepare_value(self, value):
        return value.pk if isinstance(value, Customer) else value

    def to_python(self, value) -> Customer | None:
        if isinstance(value, Customer) or value in self.empty_values:
            return value or None
        typed = isinstance(value, Typed)
        chosen = value.chosen if typed else str(value)
        found = Found(
            self.among,
            value if typed else "",
            chosen,
            self.kept,
            picked=getattr(value, "picked", False),
        )
        if found.customer is None:
            code = "several" if found.rows else "unknown"
            raise ValidationError(self.error_messages[code], code=code)
        if found.chosen != self.kept and not self.among.filter(pk=found.chosen).exists():
            raise ValidationError(self.error_messages["unknown"], code="unknown")
        return found.customer

    def has_changed(self, initial, data) -> bool:
        try:
            return self.prepare_value(initial or None) != self.prepare_value(self.to_python(data))
        except ValidationError:
            return True
