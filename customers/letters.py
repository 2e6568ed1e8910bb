"""The letters about signing in: what they say, by the name under which sign-in asks for them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.urls import reverse
from django.utils.translation import gettext as _

from kit import clock, words
from spaces import letters
from spaces.models import Location

Words = dict[str, Any]


def _house() -> str:
    return Location.objects.order_by("pk").values_list("name", flat=True).first() or "Coworking"


def _code(context: Words) -> Words:
    return {
        "subject": _("%(code)s is your code for %(house)s")
        % {"code": context["code"], "house": _house()},
        "heading": _("Confirm your e-mail"),
        "lines": [_("Type this code into the page that asked for it. It works for 15 minutes.")],
        "code": context["code"],
        "closing": [_("If you did not ask for it, there is nothing to do.")],
    }


def _known_already(context: Words) -> Words:
    return {
        "subject": _("You have a login at %s already") % _house(),
        "lines": [
            _("Somebody, hopefully you, tried to register with this address, which signs in here "
              "already."),
            _("If you forgot the password, choose a new one."),
        ],
        "action": _("Choose a new password"),
        "url": reverse("account_reset_password"),
        "closing": [_("If it was not you, there is nothing to do.")],
    }  # fmt: skip


def _unknown(context: Words) -> Words:
    return {
        "subject": _("No login at %s with this address") % _house(),
        "lines": [
            _("Somebody, hopefully you, asked for a new password. Nobody signs in here with this "
              "address; perhaps it was another one of yours."),
        ],
        "action": _("Register"),
        "url": reverse("account_signup"),
        "closing": [_("If it was not you, there is nothing to do.")],
    }  # fmt: skip


def _reset(context: Words) -> Words:
    return {
        "subject": _("Choose a new password"),
        "lines": [
            _("Somebody, hopefully you, asked for a new password for your login at %s. The link "
              "works once, for three days.") % _house(),
        ],
        "action": _("Choose a new password"),
        # Whatever name the visitor gave to this site: links lead to the one it has.
        "url": urlsplit(context["password_reset_url"]).path,
        "closing": [
            _("If it was not you, there is nothing to do: your password stays as it is.")
        ],
    }  # fmt: skip


def _news(subject: str) -> Callable[[Words], Words]:
    def letter(context: Words) -> Words:
        at = context.get("timestamp") or clock.now()
        device = context.get("user_agent") or _("unknown")
        facts = [(_("When"), f"{words.day(at.date())}, {at:%H:%M} UTC"), (_("From"), device)]
        if context.get("from_email"):
            facts += [(_("Before"), context["from_email"]), (_("Now"), context["to_email"])]
        return {
            "subject": _(subject),
            "lines": [_("This was done with your login at %s.") % _house()],
            "facts": facts,
            "closing": [
                _("If it was not you, choose a new password at once and tell us."),
            ],
            "action": _("Choose a new password"),
            "url": reverse("account_reset_password"),
        }

    return letter


LETTERS: dict[str, Callable[[Words], Words]] = {
    "account/email/email_confirmation": _code,
    "account/email/email_confirmation_signup": _code,
    "account/email/account_already_exists": _known_already,
    "account/email/unknown_account": _unknown,
    "account/email/password_reset_key": _reset,
    "account/email/password_changed": _news("Your password was changed"),
    "account/email/password_set": _news("A password was set"),
    "account/email/password_reset": _news("Your password was changed"),
    "account/email/email_changed": _news("Your e-mail was changed"),
    "account/email/email_deleted": _news("An e-mail was removed"),
    "account/email/email_confirm": _news("Your e-mail is confirmed"),
    "mfa/email/totp_activated": _news("The second factor is on"),
    "mfa/email/totp_deactivated": _news("The second factor is off"),
    "mfa/email/recovery_codes_generated": _news("New recovery codes were made"),
}


def send(name: str, to: str, context: Words) -> None:
    """Write the letter that sign-in asks for under a name. Raises `KeyError` for one unknown."""
    letters.write(to, **LETTERS[name](context))


def tell_closed(to: str) -> None:
    """Somebody who is turned away asked for a new password."""
    letters.write(
        to,
        subject=_("Your access to %s is closed") % _house(),
        lines=[
            _("Somebody, hopefully you, asked for a new password. Your access is closed at the "
              "moment, so there is no link in this e-mail."),
            _("To talk about it, please answer this e-mail or come to the front desk."),
        ],
    )  # fmt: skip
