"""Kept apart from the adapter: the sign-in package reads this while it is being loaded itself."""

from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator


class ResetToken(PasswordResetTokenGenerator):
    """Links to choose a new password die with the sessions of their login, when the password or
    the e-mail changes, and when somebody signs in."""

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}|{user.session_epoch}"
