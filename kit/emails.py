"""E-mail addresses in one canonical form."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from kit.domains import ascii_domain
from kit.problems import Refused, problems_of


def canonical(address: str) -> str:
    """The one form in which an address is stored and compared: lower case, domain as IDNA
    2008.

    "Ada@Bücher.example" and "ada@xn--bcher-kva.example" are the same address. Raises
    `ValidationError` for what is not an address; only ASCII is accepted before the @.
    """
    address = address.strip()
    local, at, domain = address.rpartition("@")
    try:
        domain = ascii_domain(domain)
    except ValueError:
        domain = ""
    result = f"{local}{at}{domain}".lower()
    if not local.isascii() or len(result) > 254:
        raise ValidationError(_("Enter a valid e-mail address."), code="invalid_email")
    try:
        validate_email(result)
    except ValidationError:
        raise ValidationError(_("Enter a valid e-mail address."), code="invalid_email") from None
    return result


def asked_for(address: str, *, field: str = "email") -> str:
    """The canonical form of what somebody typed; raises `Refused` with `invalid_email`."""
    try:
        return canonical(address)
    except ValidationError as error:
        problems = [problem._replace(field=field) for problem in problems_of(error)]
        raise Refused(*problems) from error
