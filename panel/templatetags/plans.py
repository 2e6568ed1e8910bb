from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plans.models.terms import SignedTerms

register = template.Library()


@register.filter
def rhythm(terms: SignedTerms) -> str:
    """The billing cycle of a plan or contract in words: "every month on day 1"."""
    number = terms.cycle_length
    if terms.cycle_unit == SignedTerms.Unit.WEEK:
        words = ngettext("every week", "every %(number)d weeks", number)
    elif number == 12:
        words = _("every year")
    else:
        words = ngettext("every month", "every %(number)d months", number)
    words %= {"number": number}
    if terms.billing_day:
        return _("%(every)s on day %(day)d") % {"every": words, "day": terms.billing_day}
    return _("%(every)s from the first day") % {"every": words}
