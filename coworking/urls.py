"""Every address of the house. What is not ours says here who may come."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.usersessions import views as usersessions
from django.urls import include, path, re_path

from coworking import health, mail, views
from kit import policies
from kit.policies import policy
from portal.views import calendar, entrance, invoice_links

urlpatterns = [
    path("", views.front_door, name="front_door"),
    path("panel/", include("panel.urls")),
    path("portal/", include("portal.urls")),
    path("mail/", mail.messages, name="mail"),
    path("mail/<int:pk>/", mail.message, name="mail_message"),
    path("mail/<int:pk>/html/", mail.as_it_arrives, name="mail_html"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("calendar/<token>.ics", calendar.feed, name="calendar_feed"),
    path("i/<token>/", invoice_links.invoice, name="invoice_link"),
    path("i/<token>/pdf/", invoice_links.pdf, name="invoice_link_pdf"),
    # The package finds its own views by these names. Those of people who have signed in are kept
    # by the portal's policy like ours.
    path("portal/login/", account.login, name="account_login"),
    path("portal/login/second-factor/", mfa.authenticate, name="mfa_authenticate"),
    path("portal/logout/", account.logout, name="account_logout"),
    path("portal/inactive/", account.account_inactive, name="account_inactive"),
    path("portal/join/", account.signup, name="account_signup"),
    path("portal/verification/", entrance.verification, name="account_email_verification_sent"),
    re_path(
        r"^portal/password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        entrance.choose_password,
        name="account_reset_password_from_key",
    ),
    path(
        "portal/password/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("portal/password/reset/", account.password_reset, name="account_reset_password"),
    path("portal/password/sent/", account.password_reset_done, name="account_reset_password_done"),
    *(
        path(f"portal/account/{address}", policy("portal")(view), name=name)
        for address, view, name in (
            ("email/", account.email, "account_email"),
            ("password/", account.password_change, "account_change_password"),
            ("password/first/", account.password_set, "account_set_password"),
            ("password/again/", account.reauthenticate, "account_reauthenticate"),
            ("sessions/", usersessions.list_usersessions, "usersessions_list"),
            ("second-factor/", mfa.index, "mfa_index"),
            ("second-factor/on/", totp.activate_totp, "mfa_activate_totp"),
            ("second-factor/off/", totp.deactivate_totp, "mfa_deactivate_totp"),
            ("second-factor/again/", mfa.reauthenticate, "mfa_reauthenticate"),
            ("recovery-codes/", recovery.view_recovery_codes, "mfa_view_recovery_codes"),
            ("recovery-codes/new/", recovery.generate_recovery_codes,
             "mfa_generate_recovery_codes"),
            ("recovery-codes/codes.txt", recovery.download_recovery_codes,
             "mfa_download_recovery_codes"),
        )
    ),
]  # fmt: skip

PACKAGE_ROUTES = policies.packages(
    {
        "account_login": "public",
        "mfa_authenticate": "public",
        "account_logout": "public",
        "account_inactive": "public",
        "account_signup": "public",
        "account_reset_password_from_key_done": "public",
        "account_reset_password": "public",
        "account_reset_password_done": "public",
        "portal:login": "public",
        "portal:logout": "public",
    }
)

handler400 = "coworking.views.bad_request"
handler403 = "coworking.views.forbidden"
handler404 = "coworking.views.not_found"
handler500 = "coworking.views.server_error"
