"""Every address of the house. What is not ours says here who may come."""

from allauth.account import views as account
from django.urls import include, path, re_path

from coworking import health, views
from kit import policies

urlpatterns = [
    path("", views.front_door, name="front_door"),
    path("panel/", include("panel.urls")),
    path("portal/", include("portal.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    # The package finds its own views by these names; people meet the addresses in portal/.
    path("portal/login/", account.login, name="account_login"),
    path("portal/logout/", account.logout, name="account_logout"),
    path("portal/inactive/", account.account_inactive, name="account_inactive"),
    re_path(
        r"^portal/password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "portal/password/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("portal/password/reset/", account.password_reset, name="account_reset_password"),
    path("portal/password/sent/", account.password_reset_done, name="account_reset_password_done"),
]

PACKAGE_ROUTES = policies.packages(
    {
        "account_login": "public",
        "account_logout": "signed_in",
        "account_inactive": "public",
        "account_reset_password_from_key": "public",
        "account_reset_password_from_key_done": "public",
        "account_reset_password": "public",
        "account_reset_password_done": "public",
        "portal:login": "public",
        "portal:logout": "signed_in",
    }
)

handler400 = "coworking.views.bad_request"
handler403 = "coworking.views.forbidden"
handler404 = "coworking.views.not_found"
handler500 = "coworking.views.server_error"
