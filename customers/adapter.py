"""How sign-in treats this house's people: addresses in one form, mail through the outbox."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from customers import doors
from kit import outbox
from kit.emails import canonical
from spaces.models import Location


class AccountAdapter(DefaultAccountAdapter):
    def clean_email(self, email: str) -> str:
        return canonical(email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        first = Location.objects.order_by("pk").first()
        ours = {
            "space_name": first.name if first else "Coworking",
            "space_address": settings.BASE_URL,
        }
        message = self.render_mail(template_prefix, email, {**context, **ours})
        html = next((text for text, kind in getattr(message, "alternatives", []) if kind), "")
        outbox.post(to=message.to, subject=message.subject, text=message.body, html=html)

    def add_message(self, *args, **kwargs) -> None:
        """Signing in and out speaks for itself."""

    def pre_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs
    ) -> HttpResponse | None:
        """Refuse whoever may act for nobody here, after the right password, with the reason."""
        refused = super().pre_login(request, user, **kwargs)
        if refused or doors.may_enter(user):
            return refused
        return doors.turn_away(request, user, with_reason=True)
