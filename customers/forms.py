from allauth.account.forms import LoginForm
from django.utils.translation import gettext_lazy as _

from kit.emails import canonical


class SignInForm(LoginForm):
    """One signs in however one writes one's address: it is looked up in its one form."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("E-mail")
        if "remember" in self.fields:
            self.fields["remember"].label = _("Stay signed in")

    def clean_login(self) -> str:
        return canonical(super().clean_login())
