"""A creating form that is sent twice acts once.

The form carries a random key. The view runs in one transaction whose first insert is that key:
a second sending with the same content gets the first one's result, one with other content
is answered 409 with the input kept.
"""

import hashlib
import secrets
from collections.abc import Callable
from functools import wraps

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from kit import clock
from kit.models import SubmittedForm

KEY = "form_key"
CONFLICT = "form_was_sent"
PREVIEW = "preview"


def new_key() -> str:
    return secrets.token_urlsafe(24)


class OnceForm(forms.Form):
    """Mixin for forms that make something: carries the key, and says when it was used up."""

    form_key = forms.CharField(widget=forms.HiddenInput, initial=new_key, max_length=64)

    def clean(self):
        cleaned = super().clean()
        if CONFLICT in self.data:
            raise ValidationError(
                _("This form was already sent with other content. Check it and send it again."),
                code="sent_before",
            )
        return cleaned


def creates(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a view's POST act once per form key; the view answers success with a redirect.

    A form that is sent to ask what it would bring (`preview`) makes nothing and uses no key up.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if request.method != "POST" or PREVIEW in request.POST:
            return view(request, *args, **kwargs)
        key = request.POST.get(KEY, "")
        if not key or len(key) > 64 or "\x00" in key:
            return _conflict(view, request, *args, **kwargs)
        with transaction.atomic():
            claim = _claim(request, key)
            if claim is None:
                return _repeated(view, request, key, *args, **kwargs)
            response = view(request, *args, **kwargs)
            result = response.headers.get("Location") or response.headers.get("HX-Redirect")
            if not result:
                claim.delete()
                return response
            SubmittedForm.objects.filter(pk=claim.pk).update(result=result)
            return response

    return wrapper


def forget(before) -> int:
    """Delete the keys of forms sent before a moment; returns how many."""
    return SubmittedForm.objects.filter(at__lt=before).delete()[0]


def _claim(request: HttpRequest, key: str) -> SubmittedForm | None:
    try:
        with transaction.atomic():
            return SubmittedForm.objects.create(
                key=key, session=_session(request), content=_content(request), at=clock.now()
            )
    except IntegrityError:
        return None


def _repeated(view, request, key, *args, **kwargs) -> HttpResponse:
    first = SubmittedForm.objects.get(key=key)
    same = first.session == _session(request) and first.content == _content(request)
    if same and first.result:
        return redirect(first.result)
    return _conflict(view, request, *args, **kwargs)


def _conflict(view, request, *args, **kwargs) -> HttpResponse:
    """The view's own page with the input kept, a fresh key and a sentence, as a 409."""
    data = request.POST.copy()
    data[KEY] = new_key()
    data[CONFLICT] = "1"
    request.POST = data
    response = view(request, *args, **kwargs)
    response.status_code = 409
    return response


def _session(request: HttpRequest) -> str:
    return hashlib.sha256((request.session.session_key or "").encode()).hexdigest()


def _content(request: HttpRequest) -> str:
    parts = [
        f"{name}={value}"
        for name, values in sorted(request.POST.lists())
        if name not in (KEY, "csrfmiddlewaretoken")
        for value in values
    ]
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            digest = hashlib.sha256()
            for chunk in file.chunks():
                digest.update(chunk)
            file.seek(0)
            parts.append(f"{name}={file.name}:{digest.hexdigest()}")
    return hashlib.sha256("\n".join([request.path, *parts]).encode()).hexdigest()
