"""Hold the answers to htmx and dialog requests back in a browser test, or wait for them."""

from typing import Any

# Nothing is being asked, shown or settled, and what the page asks on its own has been asked.
SETTLED = """() => {
  const known = (element) => element["htmx-internal-data"] ?? {};
  const every = (selector, test) => [...document.querySelectorAll(selector)].every(test);
  return document.readyState === "complete"
    && !document.querySelector(".htmx-request, .htmx-settling, .htmx-added, a[aria-busy=true]")
    && every("[hx-trigger^=load]", (element) => known(element).loaded)
    && every("[hx-get], [hx-post]", (element) => !known(element).xhr);
}"""
TRIES = 2000


def settle(page: Any) -> None:
    """Wait until no htmx request is under way on the page."""
    page.wait_for_function(SETTLED)


class Held:
    """The answers to a page's htmx and dialog requests, which arrive when the test says so.

    The server answers each request at once. `wait` returns when there are `number` answers.
    `release` lets them arrive, and those that are asked for from then on; it returns when all are
    shown.
    """

    def __init__(self, page: Any):
        self.page = page
        self.answers: list[tuple[Any, Any]] = []
        self.holds = True

    def __enter__(self) -> "Held":
        self.page.route("**/*", self._take)
        return self

    def __exit__(self, *error: object) -> None:
        self.holds = False
        self.page.unroute("**/*", self._take)

    def _take(self, route: Any) -> None:
        if self.holds and {"hx-request", "x-dialog"} & route.request.headers.keys():
            self.answers.append((route, route.fetch()))
        else:
            route.fallback()

    def wait(self, number: int = 1) -> None:
        for _try in range(TRIES):
            if len(self.answers) >= number:
                return
            self.page.wait_for_timeout(5)
        raise AssertionError("The page has asked for nothing.")

    def release(self, *, newest_first: bool = False) -> None:
        self.holds = False
        for route, answer in reversed(self.answers) if newest_first else self.answers:
            route.fulfill(response=answer)
        self.answers.clear()
        settle(self.page)
