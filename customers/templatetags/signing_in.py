"""Words for the pages about one's own login."""

import re

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

register = template.Library()

# The first that occurs is the one: browsers name each other.
BROWSERS = [
    ("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
]  # fmt: skip
SYSTEMS = [
    ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
    ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
]  # fmt: skip


@register.filter
def browser(agent: str) -> str:
    """ "Mozilla/5.0 (X11; Linux x86_64) … Firefox/130.0" → "Firefox on Linux"."""
    name = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    if name and system:
        return _("%(browser)s on %(system)s") % {"browser": name, "system": system}
    return name or system or _("An unknown browser")


@register.filter
def svg_code(drawing: str) -> SafeString:
    """A code to scan, drawn by the package, as part of the page: its `<svg>` alone."""
    found = re.search(r"<svg.*</svg>", drawing, re.DOTALL)
    return mark_safe(found[0] if found else "")
