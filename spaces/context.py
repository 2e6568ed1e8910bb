"""What every page shows of the space."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from spaces.models import Location


def space(request: HttpRequest) -> dict[str, object]:
    """`space_name`: the first location's name, or the product's before there is one. Lazy."""

    def name() -> str:
        return Location.objects.order_by("pk").values_list("name", flat=True).first() or "Coworking"

    return {"space_name": SimpleLazyObject(name)}
