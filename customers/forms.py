from typing import Any

from allauth.account.forms import (
    AddEmailForm,
    ChangePasswordForm,
    LoginForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
    SignupForm,
)
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from customers.models import Registration, User
from kit.emails import canonical
from kit.forms import HouseForm
from kit.once import OnceForm
from kit.problems import Refused
from spaces.models import Location


def _is_taken(address: str) -> bool:
    """Whether an address signs in here, and not only as a registration that nobody verified."""
    nobodys = Registration.objects.replaceable().with_email(address)
    return User.objects.filter(email=address).exclude(pk__in=nobodys.values("user")).exists()


class SignInForm(LoginForm):
    """One signs in however one writes one's address: it is looked up in its one form."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("E-mail")
        if "remember" in self.fields:
            self.fields["remember"].label = _("Stay signed in")

    def clean_login(self) -> str:
        return canonical(super().clean_login())


class PlainWords(forms.BaseForm):
    """Mixin: the package's fields in the words of the house, without hints inside the boxes."""

    words: dict[str, Any] = {}
    hint = _("At least ten characters.")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.words.get(name, field.label)
        if "password1" in self.fields:
            self.fields["password1"].help_text = self.hint
        if "email" in self.fields:
            wrong = _("Enter a valid e-mail address.")
            self.fields["email"].error_messages["invalid"] = wrong


class NewEmailForm(PlainWords, AddEmailForm):
    words = {"email": _("New e-mail")}

    def save(self, request):
        """An address that somebody has only typed goes to whoever has a login already."""
        Registration.objects.give_way(self.cleaned_data["email"])
        return super().save(request)


class NewPasswordForm(PlainWords, ChangePasswordForm):
    words = {
        "oldpassword": _("Present password"),
        "password1": _("New password"),
        "password2": _("New password once more"),
    }


class FirstPasswordForm(PlainWords, SetPasswordForm):
    words = {"password1": _("Password"), "password2": _("Password once more")}


class ForgottenPasswordForm(PlainWords, ResetPasswordForm):
    words = {"email": _("E-mail")}


class LinkPasswordForm(PlainWords, ResetPasswordKeyForm):
    words = {"password1": _("New password"), "password2": _("New password once more")}


class FirstCodeForm(PlainWords, ActivateTOTPForm):
    words = {"code": _("Code from the app")}


class CodeForm(PlainWords, AuthenticateForm):
    words = {"code": _("Code")}


class CodeAgainForm(PlainWords, ReauthenticateForm):
    words = {"code": _("Code from the app")}


class RegisterForm(PlainWords, SignupForm):
    """Name, e-mail, password, and the location where there are several."""

    field_order = ["full_name", "email", "password1", "location"]
    words = {"email": _("E-mail"), "password1": _("Password")}

    full_name = forms.CharField(
        label=_("Your name"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    location = forms.ModelChoiceField(
        Location.objects.none(), label=_("Where"), empty_label=_("Choose a location")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        places: Any = self.fields["location"]
        places.queryset = Location.objects.open_for_registration()
        if len(places.queryset) == 1:
            del self.fields["location"]

    @property
    def needs_approval(self) -> bool:
        """Whether staff approve each registration, wherever one registers."""
        places = Location.objects.open_for_registration()
        return not places.filter(registration=Location.Registration.OPEN).exists()

    def clean_email(self) -> str:
        """Whether the address is known is told by e-mail alone. One that nobody verified is
        not taken."""
        address = canonical(self.cleaned_data["email"])
        self.account_already_exists = _is_taken(address)
        return address

    def try_save(self, request):
        if self.account_already_exists:
            User().set_password(self.cleaned_data["password1"])  # as slow as for the others
            return super().try_save(request)
        try:
            return super().try_save(request)
        except Refused:  # somebody took the address in this very moment
            self.account_already_exists = True
            return super().try_save(request)

    def save(self, request):
        location = self.cleaned_data.get("location") or self.only_location()
        registration = Registration.objects.begin(
            self.cleaned_data["email"],
            self.cleaned_data["password1"],
            full_name=self.cleaned_data["full_name"].strip(),
            location=location,
        )
        return registration.user

    def only_location(self) -> Location:
        """The only location that is open."""
        return Location.objects.open_for_registration().get()


class TeamInvitationForm(HouseForm, OnceForm):
    """Whom to invite into a team."""

    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "off"}),
        error_messages={"invalid": _("Enter a valid e-mail address.")},
    )
    full_name = forms.CharField(
        label=_("Name"),
        max_length=200,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class PasswordForm(HouseForm, forms.Form):
    """A new password for the login of `user` (which may not be saved yet), and maybe a name."""

    full_name = forms.CharField(
        label=_("Your name"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=200,
        help_text=_("At least ten characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args, user: User, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)
        self.fields["full_name"].initial = user.full_name

    def clean(self):
        cleaned = super().clean()
        if password := cleaned.get("password"):
            self.user.full_name = cleaned.get("full_name", "")
            try:
                password_validation.validate_password(password, self.user)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned
