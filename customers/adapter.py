"""How sign-in treats this house's people: addresses in one form, mail through the outbox."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from customers import doors, letters
from customers.models import Registration
from kit.emails import canonical
from spaces.models import Location

ON_THE_WAY = "on_the_way_in"


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": _("This account is switched off."),
        "duplicate_email": _("You sign in with this e-mail already."),
        "email_password_mismatch": _("This e-mail and this password do not belong together."),
        "email_taken": _("Somebody signs in with this e-mail already."),
        "enter_current_password": _("This is not your present password."),
        "incorrect_code": _("This is not the code. Look at it again, or send another one."),
        "incorrect_password": _("This is not your password."),
        "too_many_login_attempts": _("That was tried too often. Wait five minutes."),
        "rate_limited": _("That was very often in a short time. Wait a few minutes."),
    }

    def clean_email(self, email: str) -> str:
        return canonical(email)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return Location.objects.open_for_registration().exists()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        letters.send(template_prefix, email, context)

    def send_password_reset_mail(self, user: Any, email: str, context: dict[str, Any]) -> None:
        """Whoever is turned away gets no link, but a sentence."""
        if doors.may_enter(user):
            super().send_password_reset_mail(user, email, context)
        else:
            letters.tell_closed(email)

    def add_message(self, request, level, message_template=None, message_context=None,
                    extra_tags="", message=None):  # fmt: skip
        """Signing in and out speaks for itself; only what the house has words for is said."""
        words = message or SPOKEN.get(message_template or "")
        if words:
            messages.add_message(request, level, words, extra_tags=extra_tags)

    def pre_login(self, request: HttpRequest, user: Any, **kwargs) -> HttpResponse | None:
        """Refuse whoever may act for nobody here, after the right password, with the reason."""
        refused = super().pre_login(request, user, **kwargs)
        if refused:
            return refused
        if not doors.may_enter(user):
            return doors.turn_away(request, user, with_reason=True)
        request.session[ON_THE_WAY] = [user.pk, user.get_session_auth_hash()]
        return None

    def login(self, request: HttpRequest, user: Any) -> None:
        """The door may have closed between the password and the last step of signing in; what
        ended the sessions meanwhile has ended this one too."""
        if not doors.may_enter(user):
            raise ImmediateHttpResponse(doors.turn_away(request, user, with_reason=True))
        key, began_with = request.session.pop(ON_THE_WAY, (None, ""))
        if key == user.pk and began_with != user.get_session_auth_hash():
            raise ImmediateHttpResponse(redirect("account_login"))
        super().login(request, user)

    def is_safe_url(self, url: str | None) -> bool:
        """After signing in one goes on within this site, under its own name."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={urlsplit(settings.BASE_URL).netloc}, require_https=settings.HTTPS
        )

    @transaction.atomic
    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """Verified and linked, or neither."""
        if email_address.user.email != email_address.email:
            Registration.objects.give_way(email_address.email)
        return super().confirm_email(request, email_address)


SPOKEN = {
    "account/messages/email_confirmed.txt": _("Your e-mail is confirmed."),
    "account/messages/password_changed.txt": _("Your password is changed."),
    "account/messages/password_set.txt": _("Your password is set."),
    "mfa/messages/totp_activated.txt": _("The second factor is on."),
    "mfa/messages/totp_deactivated.txt": _("The second factor is off."),
    "mfa/messages/recovery_codes_generated.txt": _("These are your new recovery codes."),
    "usersessions/messages/sessions_logged_out.txt": _("You are signed out everywhere else."),
}


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This is not the code of this moment. Look into the app again."),
    }

    def get_totp_issuer(self) -> str:
        """The name under which an authenticator app lists this login."""
        first = Location.objects.order_by("pk").values_list("name", flat=True).first()
        return first or "Coworking"
