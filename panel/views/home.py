from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kit.policies import policy


@policy("see_panel")
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "panel/home.html")
