from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed

from coworking import views


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
