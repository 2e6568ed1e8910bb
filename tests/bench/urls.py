"""The whole site, and the panel's shell with nothing in it to be measured against."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from coworking.urls import handler400, handler403, handler404, handler500
from coworking.urls import urlpatterns as site
from kit.policies import policy

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


@policy("see_panel")
def shell(request: HttpRequest) -> HttpResponse:
    return render(request, "panel/base.html")


urlpatterns = [*site, path("shell/", shell, name="shell")]
