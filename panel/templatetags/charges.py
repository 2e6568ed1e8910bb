"""Words for charges: why an amount is what it is, how a charge stands, and who may buy."""

from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.translation import gettext as _

from billing import explaining
from billing.models import Charge, Product
from bookings.explaining import Reason
from kit.templatetags.house import badge, money

register = template.Library()

STATES = {
    "waiting": ("scheduled", lambda: _("Not invoiced yet")),
    "draft": ("draft", lambda: _("On a draft")),
    "invoiced": ("same", lambda: _("Invoiced")),
    "void": ("called_off", lambda: _("Taken back")),
}


@register.filter
def told(charge: Charge) -> list[Reason]:
    """The lines of how a charge came about: words, and the sum that each adds or takes away."""
    return explaining.reasons(charge)


@register.simple_tag
def charge_badge(charge: Charge) -> str:
    css, words = STATES[charge.state]
    return badge(css, label=words())


@register.simple_tag
def difference(value: Decimal, currency: str) -> str:
    """How much more or less: "+€12.00", "−€3.00", or that it is the same."""
    if not value:
        return format_html('<span class="faint">{}</span>', _("the same"))
    sign, css = ("+", "more") if value > 0 else ("−", "less")
    text = f"{sign}{money(abs(value), currency)}"
    return format_html('<span class="difference difference--{}">{}</span>', css, text)


@register.filter
def who_may_buy(product: Product) -> str:
    """In words; its plans are at hand."""
    if product.buyers != Product.Buyers.PLANS:
        return str(product.get_buyers_display()).capitalize()
    names = [plan.name for plan in product.plans.all()]
    return _("With the plan %s") % ", ".join(names) if names else _("Nobody: no plan is chosen")
