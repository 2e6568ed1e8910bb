from django import forms
from django.utils.translation import gettext_lazy as _

from kit.forms import HouseForm
from kit.once import OnceForm
from plans.imports.columns import COLUMNS, CUSTOM, IGNORED
from plans.imports.reading import MOST_BYTES
from plans.models import CustomerImport
from spaces.models import Location


class UploadForm(HouseForm, OnceForm):
    """A file of customers, and what it does not say itself."""

    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("Comma, semicolon or tab; up to 50 MB. A spreadsheet: save it as CSV first."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv"}),
    )
    dates = forms.ChoiceField(label=_("Dates look like"), choices=CustomerImport.Dates.choices)
    location = forms.ModelChoiceField(
        Location.objects.all(),
        label=_("Location"),
        required=False,
        help_text=_("For rows that do not name one."),
    )
    all_or_nothing = forms.BooleanField(
        label=_("All or nothing"),
        required=False,
        help_text=_("If one row is wrong, nothing is imported. Otherwise good rows are."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if Location.objects.count() < 2:
            del self.fields["location"]

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 50 MB."))
        return file


class MappingForm(HouseForm, forms.Form):
    """What each header of the file means."""

    def __init__(self, *args, customer_import: CustomerImport, **kwargs):
        super().__init__(*args, **kwargs)
        self.headers = customer_import.headers
        choices = [
            (IGNORED, _("Ignore")),
            (CUSTOM, _("Keep as a custom value")),
            (_("Columns"), list(COLUMNS.items())),
        ]
        for number, header in enumerate(self.headers):
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=header or _("(no name)"),
                choices=choices,
                required=False,
                initial=customer_import.mapping.get(header, IGNORED),
            )

    def mapping(self) -> dict[str, str]:
        """Header → column, "custom" or ""."""
        return {
            header: self.cleaned_data[f"column_{number}"]
            for number, header in enumerate(self.headers)
        }
