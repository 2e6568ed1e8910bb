"""What the house would have sent, on a laptop that has no mail server to send it with."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from kit.models import OutboxMessage
from kit.policies import policy

SHOWN = 100


@policy("public")
@require_safe
def messages(request: HttpRequest) -> HttpResponse:
    """The last e-mails, the newest first."""
    _only_without_a_mail_server()
    newest = OutboxMessage.objects.order_by("-pk")[:SHOWN]
    return render(request, "shared/mail/list.html", {"mails": newest})


@policy("public")
@require_safe
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """One e-mail as text, whose links work."""
    _only_without_a_mail_server()
    mail = get_object_or_404(OutboxMessage, pk=pk)
    return render(request, "shared/mail/message.html", {"mail": mail})


@policy("public")
@require_safe
def as_it_arrives(request: HttpRequest, pk: int) -> HttpResponse:
    """One e-mail as a mail program shows it: it carries its looks with it."""
    _only_without_a_mail_server()
    answer = HttpResponse(get_object_or_404(OutboxMessage, pk=pk).html)
    answer._csp_update = {"style-src": ["'unsafe-inline'"]}  # type: ignore[attr-defined]
    return answer


def _only_without_a_mail_server() -> None:
    if not settings.SHOWS_MAIL:
        raise Http404
