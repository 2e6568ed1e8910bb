"""Internationalised domain names (IDNA 2008)."""

import idna


def ascii_domain(domain: str) -> str:
    """Return a domain as it is asked for in the DNS: lower case, in ASCII ("xn--fa-hia.de").

    One in ASCII stays as it is but for capital letters. Raises `ValueError` for one that cannot be
    written so.
    """
    domain = domain.lower() if domain.isascii() else domain
    # Of Python's own codec, which knows IDNA 2003 only, faß.de would be another domain: fass.de.
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
