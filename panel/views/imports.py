import csv

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from kit import clock
from kit.cells import harmless
from kit.once import creates
from kit.policies import policy
from kit.problems import Refused
from panel.forms.imports import MappingForm, UploadForm
from plans.imports import applying, undoing
from plans.imports.columns import COLUMNS
from plans.models import CustomerImport, ImportRow

ROWS_A_PAGE = 50
State = CustomerImport.State


@policy("manage_everywhere")
@creates
def imports(request: HttpRequest) -> HttpResponse:
    """What was imported so far, and a form for the next file."""
    sent = request.method == "POST"
    form = UploadForm(request.POST if sent else None, request.FILES if sent else None)
    if form.is_valid():
        with form.showing_refusals():
            made = applying.start(
                file_name=form.cleaned_data["file"].name,
                content=form.cleaned_data["file"].read(),
                by=request.user,
                dates=form.cleaned_data["dates"],
                location=form.cleaned_data.get("location"),
                all_or_nothing=form.cleaned_data["all_or_nothing"],
            )
            return redirect("panel:import", made.pk)
    made_so_far = CustomerImport.objects.select_related("made_by").defer("content")[:50]
    status = 422 if form.is_bound else 200
    context = {"form": form, "imports": made_so_far, "columns": COLUMNS.values()}
    return render(request, "panel/imports/list.html", context, status=status)


@policy("manage_everywhere")
@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Where an import stands: its columns, its dry run, or what it did."""
    one = _find(pk)
    if one.state == State.MAPPING:
        return _mapping_page(request, one, MappingForm(customer_import=one))
    if one.is_busy:
        return render(request, "panel/imports/busy.html", _progress(one))
    return render(request, "panel/imports/rows.html", _rows(request, one))


@policy("manage_everywhere")
def mapping(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle what the headers mean, and order the dry run."""
    one = _find(pk)
    if one.state not in (State.MAPPING, State.CHECKED, State.REFUSED) or one.applied_at:
        return redirect("panel:import", pk)
    form = MappingForm.of(request, customer_import=one)
    if form.is_valid():
        with form.showing_refusals():
            applying.ask_for_check(one, form.mapping())
            return redirect("panel:import", pk)
    return _mapping_page(request, one, form)


@policy("manage_everywhere")
@require_POST
def apply(request: HttpRequest, pk: int) -> HttpResponse:
    """Do what the dry run showed."""
    try:
        applying.ask_to_apply(_find(pk))
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("panel:import", pk)


@policy("manage_everywhere")
@require_safe
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is; once done, the page loads itself again."""
    one = _find(pk)
    if not one.is_busy:
        response = HttpResponse()
        response["HX-Redirect"] = reverse("panel:import", args=[pk])
        return response
    return render(request, "shared/progress.html", _progress(one))


@policy("manage_everywhere")
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the whole import back, or say what was built on it."""
    one = _find(pk)
    if not one.can_be_undone:
        return redirect("panel:import", pk)
    problems = undoing.undo_problems(one)
    if request.method == "POST":
        try:
            undoing.undo(one, by=request.user)
        except Refused as refused:
            problems = refused.problems
        else:
            messages.success(request, _("The import is undone."))
            return redirect("panel:import", pk)
    crumbs = [*_crumbs(), (one.file_name, reverse("panel:import", args=[pk]))]
    context = {"import": one, "problems": problems, "counts": one.counts(), "crumbs": crumbs}
    return render(request, "panel/imports/undo.html", context)


@policy("manage_everywhere")
@require_safe
def failed_rows(request: HttpRequest, pk: int) -> HttpResponse:
    """The rows that are wrong as a CSV file, with what is wrong, to mend and upload again."""
    one = _find(pk)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name = one.file_name.rsplit(".", 1)[0].replace('"', "")
    response["Content-Disposition"] = f'attachment; filename="failed-rows-{one.pk}.csv"'
    response.write("\ufeff")
    writer = csv.writer(response)
    writer.writerow([*map(harmless, one.headers), _("What is wrong with %s") % name])
    width = len(one.headers)
    for row in one.rows.filter(action=ImportRow.Action.ERROR):
        cells = [*row.cells[:width], *[""] * (width - len(row.cells))]
        why = " ".join(f"{p['column']}: {p['text']}".lstrip(": ") for p in row.problems)
        writer.writerow([*map(harmless, cells), why])
    return response


def _find(pk: int) -> CustomerImport:
    found = CustomerImport.objects.select_related("made_by", "location", "undone_by")
    return get_object_or_404(found.defer("content"), pk=pk)


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Import"), reverse("panel:imports"))]


def _steps(one: CustomerImport) -> list[tuple[str, str, str]]:
    reached = {State.MAPPING: 1, State.TO_CHECK: 2, State.CHECKED: 2}.get(State(one.state), 3)
    names = (_("File"), _("Columns"), _("Dry run"), _("Result"))
    marks = ["done" if n < reached else "current" if n == reached else "" for n in range(4)]
    again = reverse("panel:import_mapping", args=[one.pk]) if reached == 2 else ""
    return [
        (name, mark, again if n == 1 else "")
        for n, (name, mark) in enumerate(zip(names, marks, strict=True))
    ]


def _mapping_page(request: HttpRequest, one: CustomerImport, form: MappingForm) -> HttpResponse:
    first_rows = applying.first_rows(one)
    samples = [
        (
            form[f"column_{number}"],
            [row[number] for row in first_rows if number < len(row) and row[number].strip()],
        )
        for number in range(len(one.headers))
    ]
    context = {
        "import": one,
        "form": form,
        "samples": samples,
        "steps": _steps(one),
        "crumbs": _crumbs(),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "panel/imports/mapping.html", context, status=status)


def _progress(one: CustomerImport) -> dict:
    checking = one.state == State.TO_CHECK
    waiting = one.leased_until is None
    label = _("Checking the rows") if checking else _("Importing")
    return {
        "import": one,
        "label": _("Waiting for the background worker") if waiting else label,
        "done": one.done,
        "total": one.total,
        "poll_url": reverse("panel:import_progress", args=[one.pk]),
        "nobody_works": waiting
        and one.ordered_at is not None
        and (clock.now() - one.ordered_at).total_seconds() > 20,
        "steps": _steps(one),
        "crumbs": _crumbs(),
    }


def _rows(request: HttpRequest, one: CustomerImport) -> dict:
    counts = one.counts()
    wanted = request.GET.get("show", "")
    if wanted not in counts:
        wanted = ""
    rows = one.rows.filter(action=wanted) if wanted else one.rows.all()
    after, before = (_number(request.GET.get(name)) for name in ("after", "before"))
    if before is not None:
        page = list(rows.filter(line__lt=before).order_by("-line")[: ROWS_A_PAGE + 1])
        more_before, page = len(page) > ROWS_A_PAGE, page[:ROWS_A_PAGE][::-1]
        more_after = True
    else:
        page = list(rows.filter(line__gt=after or 0)[: ROWS_A_PAGE + 1])
        more_after, page = len(page) > ROWS_A_PAGE, page[:ROWS_A_PAGE]
        more_before = after is not None
    total = counts[wanted] if wanted else sum(counts.values())
    return {
        "import": one,
        "counts": counts,
        "tabs": [("", _("All"), sum(counts.values()))]
        + [(action.value, str(action.label), counts[action]) for action in ImportRow.Action],
        "wanted": wanted,
        "rows": page,
        "column_names": COLUMNS,
        "count": ngettext("%d row", "%d rows", total) % total,
        "previous": page[0].line if page and more_before else None,
        "next": page[-1].line if page and more_after else None,
        "crumbs": _crumbs(),
        "to_do": counts["create"] + counts["update"],
        "steps": _steps(one),
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None
