from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed

from coworking import views


class NoNul:
    """Answers 400 where an address carries a NUL, which no database keeps as text."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return views.bad_request(request, ValueError("a NUL in the address"))
        return self.get_response(request)


class PrivatePages:
    """What somebody who has signed in was shown is kept by no browser: once the door is closed,
    going back shows nothing."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if not response.has_header("Cache-Control") and request.user.is_authenticated:
            response["Cache-Control"] = "private, no-store"
        return response


class HousePages:
    """Shows the house's own page for what is not found, in development too.

    Django would print every address instead; whoever tries the product out should see what
    everybody will.
    """

    def __init__(self, get_response):
        if not settings.DEBUG:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code == 404 and not request.path.startswith(settings.STATIC_URL):
            return views.not_found(request, LookupError(request.path))
        return response
