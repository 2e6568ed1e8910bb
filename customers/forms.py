from allauth.account.forms import LoginForm

from kit.emails import canonical


class SignInForm(LoginForm):
    """One signs in however one writes one's address: it is looked up in its one form."""

    def clean_login(self) -> str:
        return canonical(super().clean_login())
