"""E-mails of the house: one look, HTML and text with the same words, through the outbox."""

import re
from collections.abc import Sequence

from django.conf import settings
from django.template.loader import render_to_string

from kit import outbox
from kit.models import OutboxMessage
from spaces.models import Location


def write(
    to: str,
    *,
    subject: str,
    heading: str = "",
    lines: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
    code: str = "",
    action: str = "",
    url: str = "",
    closing: Sequence[str] = (),
    house: Location | None = None,
) -> OutboxMessage:
    """Put a letter in the outbox: paragraphs, facts (label, value), a code or a button, more.

    `url` may be a path of this site. `house` signs it; without one the first location does.
    Everything is plain text: nothing in it is taken for HTML.
    """
    house = house or Location.objects.order_by("pk").first()
    context = {
        "subject": subject,
        "heading": heading or subject,
        "lines": lines,
        "facts": facts,
        "code": code,
        "action": action,
        "action_url": f"{settings.BASE_URL}{url}" if url.startswith("/") else url,
        "closing": closing,
        "space_name": house.name if house else "Coworking",
        "space_address": settings.BASE_URL,
        "house": house,
    }
    text = re.sub(r"\n{3,}", "\n\n", render_to_string("emails/letter.txt", context).strip())
    return outbox.post(
        to=[to],
        subject=subject,
        text=f"{text}\n",
        html=render_to_string("emails/letter.html", context),
    )
