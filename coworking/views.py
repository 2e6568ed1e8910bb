from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from customers import doors
from customers.models import StaffRole
from kit.policies import policy


@policy("public")
def front_door(request: HttpRequest) -> HttpResponse:
    """Staff go to the panel, customers to the portal, the others sign in."""
    if request.user.is_authenticated:
        return redirect("panel:home" if request.user.is_staff else "portal:home")
    if not StaffRole.objects.filter(role=StaffRole.Role.OWNER, ended_at=None).exists():
        return render(request, "portal/no_owner.html")
    return redirect("portal:login")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Whoever is turned away reads so; the others, who may come here."""
    if request.user.is_authenticated and not doors.may_enter(request.user):
        return doors.turn_away(request, request.user)
    return render(request, "errors/403.html", {"exception": exception}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/500.html", status=500)
