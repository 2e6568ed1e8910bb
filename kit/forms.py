"""What every form of the house can do: show why a verb refused, and send only what was changed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict

from kit.problems import Problem, Refused


class HouseForm(forms.BaseForm):
    """Mixin for forms that call a verb.

    ```
    form = CancelForm.of(request)
    if form.is_valid():
        with form.showing_refusals():
            contract.cancel(**form.cleaned_data, by=request.user)
            return redirect(…)
    return render(…)
    ```
    """

    @classmethod
    def of(cls, request: HttpRequest, **kwargs: Any):
        """The form as it was sent; on a GET a fresh one, which is never valid."""
        return cls(request.POST if request.method == "POST" else None, **kwargs)

    @property
    def status(self) -> int:
        """The status of the page that shows the form: 422 when something in it was refused."""
        return 422 if self.errors else 200

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Show each problem beside its field, or on top when the form does not have the field."""
        for problem in problems:
            field = problem.field if problem.field in self.fields else None
            self.add_error(field, ValidationError(str(problem.text), code=problem.code))

    @contextmanager
    def showing_refusals(self) -> Iterator[None]:
        """Whatever a verb refuses inside is shown in the form; the view goes on to render it."""
        try:
            yield
        except Refused as refused:
            self.refuse(refused.problems)

    def offer_locations(self, locations: Iterable[Any]) -> None:
        """Let only these locations be chosen, where the form asks for one at all."""
        field: Any = self.fields.get("location")
        if field is not None:
            keys = [location.pk for location in locations]
            field.queryset = field.queryset.filter(pk__in=keys)
            if len(keys) == 1:
                field.empty_label, field.initial = None, keys[0]


class ConfirmForm(HouseForm, forms.Form):
    """Nothing to fill in: sending it confirms a deed."""


class LinesField(forms.CharField):
    """Text of several lines, ended as they are stored whatever the browser sends."""

    widget = forms.Textarea

    def to_python(self, value):
        return "\n".join(super().to_python(value).splitlines())


class EditForm(HouseForm):
    """Mixin for forms that edit a record together with other people.

    Each field carries what its author saw (`show_hidden_initial`). `changes` are the fields that
    the author changed, `seen` what stood there before: what the record's `edit` asks for. After
    a collision the form has seen the other's value, so saving again puts one's own in its place.
    `elsewhere` are fields of the form that are changed on pages of their own.
    """

    elsewhere: tuple[str, ...] = ()

    def __init__(self, *args, record, **kwargs):
        self.record = record
        super().__init__(*args, **kwargs)
        for name in self.elsewhere:
            self.fields.pop(name, None)
        for name, field in self.fields.items():
            field.show_hidden_initial = True
            self.initial.setdefault(name, getattr(record, name))

    @property
    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.changed_data}

    @property
    def seen(self) -> dict[str, Any]:
        """What stood in each changed field when the author began.

        A value that looks in the form as the stored one does counts as the stored one: spaces
        that a form cuts off are no collision.
        """
        found = {}
        for name in self.changed_data:
            field = self.fields[name]
            stored = getattr(self.record, name)
            try:
                shown = field.to_python(self.data.get(self[name].html_initial_name, ""))
            except ValidationError:  # nothing that this form has ever shown
                found[name] = None if stored is not None else ""
                continue
            same = field.to_python(field.prepare_value(stored)) == shown
            found[name] = stored if same else shown
        return found

    def refuse(self, problems: Iterable[Problem]) -> None:
        problems = list(problems)
        self.record.refresh_from_db()
        data = QueryDict(mutable=True)
        data.update(self.data)
        for problem in problems:
            if problem.code == "changed_meanwhile" and problem.field in self.fields:
                stored = getattr(self.record, problem.field)
                theirs = self.fields[problem.field].prepare_value(stored)
                data[self[problem.field].html_initial_name] = "" if theirs is None else theirs
        self.data = data
        super().refuse(problems)
