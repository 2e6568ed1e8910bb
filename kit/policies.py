"""Every page is closed unless its route says who may come.

A view of ours carries `@policy("name")`; the routes of packages are listed by name in the root
urls (`PACKAGE_ROUTES`). The middleware asks before the view runs, and a route that says nothing
is an error, not an open door.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver


class Policy(NamedTuple):
    """Who may come, in words, and the test that decides it for a request."""

    name: str
    words: str
    test: Callable[[HttpRequest], bool]
    open: bool = False
    keep: Callable[[HttpRequest, Callable[[], HttpResponse]], HttpResponse] | None = None


_policies: dict[str, Policy] = {}
_package_routes: dict[str, str] = {}


def define(
    name: str,
    words: str,
    test: Callable[[HttpRequest], bool],
    *,
    open: bool = False,
    keep: Callable[[HttpRequest, Callable[[], HttpResponse]], HttpResponse] | None = None,
) -> None:
    """Name a policy. `open` policies need nobody signed in.

    The test is asked before the view runs. `keep(request, answer)`, where a policy has one, calls
    the view by `answer()`, and sees to it that the policy still holds at its end. Views of
    packages are kept where they are declared like ours: `policy("portal")(view)`.
    """
    _policies[name] = Policy(name, words, test, open, keep)


def named(name: str) -> Policy:
    return _policies[name]


def packages(routes: dict[str, str]) -> dict[str, str]:
    """Say the policies of routes whose views are not ours: full route name → policy."""
    _package_routes.clear()
    _package_routes.update(routes)
    return routes


def policy(name: str) -> Callable:
    """Declare who may call a view, and let the policy keep it while it runs."""

    def declare(view):
        @wraps(view)
        def kept(request, *args, **kwargs):
            keep = _policies[name].keep
            if keep is None:
                return view(request, *args, **kwargs)
            return keep(request, lambda: view(request, *args, **kwargs))

        is_open = name in _policies and _policies[name].open
        declared: Any = login_not_required(kept) if is_open else kept
        declared.policy = name
        return declared

    return declare


define("public", "everybody", lambda request: True, open=True)
define("private_link", "whoever has the address", lambda request: True, open=True)
define("signed_in", "whoever has signed in", lambda request: request.user.is_authenticated)


class Route(NamedTuple):
    address: str
    name: str
    policy: str | None
    pattern: URLPattern


def routes(resolver: URLResolver | None = None) -> Iterator[Route]:
    """Every route of the site with its policy (None where nobody said one)."""
    yield from _walk(resolver or get_resolver(), "", ())


def _walk(resolver, prefix: str, namespaces: tuple[str, ...]) -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inside = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from _walk(pattern, address, inside)
        else:
            name = ":".join((*namespaces, pattern.name or ""))
            yield Route(address, name, _declared(pattern.callback, name), pattern)


def _declared(view, name: str) -> str | None:
    return getattr(view, "policy", None) or _package_routes.get(name)


class PolicyMiddleware:
    """Asks the route's policy before the view runs: a no is a 403, silence is our mistake."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        name = _declared(view, request.resolver_match.view_name)
        if name is None or name not in _policies:
            raise ImproperlyConfigured(f"the route {request.path} does not say who may come")
        found = _policies[name]
        if not found.test(request):
            raise PermissionDenied(found.words)
        request.policy = name


def allows(request: HttpRequest, name: str) -> bool:
    """Whether this request's person may come where the policy `name` stands."""
    return _policies[name].test(request)


def mistakes() -> list[str]:
    """What is wrong with the declarations: routes without one, unknown ones, stale names."""
    found = []
    seen = set()
    for route in routes():
        seen.add(route.name)
        if route.policy is None:
            found.append(f"{route.address} ({route.name}) does not say who may come")
        elif route.policy not in _policies:
            found.append(f"{route.address} names an unknown policy {route.policy}")
        elif getattr(route.pattern.callback, "policy", None) and route.name in _package_routes:
            found.append(f"{route.address} says its policy twice")
    found += [f"no route is called {name}" for name in _package_routes if name not in seen]
    return found
