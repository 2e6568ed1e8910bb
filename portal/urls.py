from allauth.account import views as account
from django.urls import path

from portal import views

app_name = "portal"

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", account.login, name="login"),
    path("logout/", account.logout, name="logout"),
]
