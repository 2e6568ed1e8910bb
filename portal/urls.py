from allauth.account import views as sign_in
from django.urls import path

from portal.views import (
    account,
    acting,
    bookings,
    calendar,
    contracts,
    decisions,
    finding,
    home,
    invitations,
    plans,
    resources,
    teams,
)

app_name = "portal"

urlpatterns = [
    path("", home.home, name="home"),
    path("acting-for/", acting.acting_for, name="acting_for"),
    path("book/", finding.find, name="book"),
    path("book/day/", finding.day, name="book_day"),
    path("book/<int:pk>/", resources.resource, name="book_resource"),
    path("book/<int:pk>/picture/", resources.picture, name="resource_picture"),
    path("bookings/", bookings.bookings, name="bookings"),
    path("bookings/<int:pk>/", bookings.booking, name="booking"),
    path("bookings/<int:pk>/change/", bookings.change, name="booking_change"),
    path("bookings/<int:pk>/cancellation/", bookings.cancellation, name="booking_cancellation"),
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
    path("teams/<int:pk>/credit/", teams.credit, name="team_credit"),
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
