from allauth.account import views as sign_in
from django.urls import path

from portal.views import (
    account,
    acting,
    calendar,
    contracts,
    decisions,
    home,
    invitations,
    plans,
    teams,
)

app_name = "portal"

urlpatterns = [
    path("", home.home, name="home"),
    path("acting-for/", acting.acting_for, name="acting_for"),
    path("plans/", plans.plans, name="plans"),
    path("plans/<int:pk>/join/", plans.join, name="plan_join"),
    path("contracts/<int:pk>/", contracts.contract, name="contract"),
    path("contracts/<int:pk>/cancellation/", decisions.cancellation, name="contract_cancellation"),
    path(
        "contracts/<int:pk>/cancellation/withdrawal/",
        decisions.cancellation_withdrawal,
        name="contract_cancellation_withdrawal",
    ),
    path("contracts/<int:pk>/calling-off/", decisions.calling_off, name="contract_calling_off"),
    path("contracts/<int:pk>/freeze/", decisions.freeze, name="contract_freeze"),
    path("contracts/<int:pk>/resumption/", decisions.resumption, name="contract_resumption"),
    path("contracts/<int:pk>/plan-change/", decisions.plan_change, name="contract_plan_change"),
    path(
        "contracts/<int:pk>/plan-change/withdrawal/",
        decisions.plan_change_withdrawal,
        name="contract_plan_change_withdrawal",
    ),
    path("account/", account.account, name="account"),
    path("account/edit/", account.edit, name="account_edit"),
    path("teams/", teams.teams, name="teams"),
    path("teams/<int:pk>/", teams.team, name="team"),
    path("teams/<int:pk>/leaving/", teams.leaving, name="team_leaving"),
    path("teams/<int:pk>/spending/", teams.spending, name="team_spending"),
    path("teams/<int:pk>/invitations/new/", teams.invitation, name="team_invitation"),
    path(
        "teams/<int:pk>/invitations/<int:invitation>/withdrawal/",
        teams.invitation_withdrawal,
        name="team_invitation_withdrawal",
    ),
    path(
        "teams/<int:pk>/memberships/<int:membership>/removal/",
        teams.removal,
        name="team_removal",
    ),
    path("join/<token>/", invitations.invitation, name="invitation"),
    path("account/calendar/", calendar.calendar, name="calendar"),
    path("login/", sign_in.login, name="login"),
    path("logout/", sign_in.logout, name="logout"),
]
