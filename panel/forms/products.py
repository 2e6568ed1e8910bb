"""Products: what they are, and selling them."""

from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from billing.models import Product, Subscription
from customers.models import Customer, Team, User
from kit.forms import EditForm, HouseForm
from kit.once import OnceForm
from kit.templatetags.house import money
from kit.widgets import Affixed, DateInput, MoneyInput
from panel.forms.pickers import CustomerField, within_reach_of
from panel.forms.plans import house_currency
from panel.forms.taxes import own_rate_field
from spaces.models import Location

FIELDS = ["name", "description", "location", "recurring", "price", "tax_rate",
          "bound_to_premises", "stock", "buyers", "plans", "offered_in_portal"]  # fmt: skip

HAVE_PAGES = ("location", "recurring", "stock", "tax_rate")

# Each inner tuple is one line on the screen.
SECTIONS: list[tuple[Any, list[tuple[str, ...]]]] = [
    (_l("What it is"), [("name", "location"), ("description",), ("recurring",)]),
    (_l("Price"), [("price", "tax_rate"), ("bound_to_premises",)]),
    (_l("Who may buy it"), [("buyers", "stock"), ("plans",), ("offered_in_portal",)]),
]


class ProductFields(forms.ModelForm):
    tax_rate = own_rate_field()

    class Meta:
        model = Product
        fields = FIELDS
        labels = {"recurring": _l("Sold by period, again and again")}
        widgets = {
            "description": forms.Textarea({"rows": 3}),
            "stock": Affixed({"inputmode": "numeric"}, after=_l("pieces")),
            "plans": forms.CheckboxSelectMultiple,
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        currency = self.instance.currency if self.instance.location_id else house_currency()
        self.fields["price"].widget = MoneyInput(currency=currency)
        self.fields["plans"].help_text = _("Where only customers on chosen plans may buy it.")
        field: Any = self.fields["plans"]
        field.queryset = field.queryset.live()
        if self.instance.pk:
            field.queryset = (field.queryset | self.instance.plans.all()).distinct()
        if Location.objects.count() == 1:
            del self.fields["location"]

    def _post_clean(self):
        """The verbs check the record; a form only reads what was typed."""

    def sections(self):
        """The fields by heading, as the page shows them."""
        return [
            (
                str(title),
                [[self[name] for name in line if name in self.fields] for line in lines],
            )
            for title, lines in SECTIONS
        ]


class NewProductForm(HouseForm, OnceForm, ProductFields):
    @property
    def what(self) -> dict[str, Any]:
        """The arguments of `Product.objects.offer`; the only location where there is one."""
        found = {name: self.cleaned_data[name] for name in FIELDS if name in self.cleaned_data}
        if "location" not in self.fields:
            found["location"] = Location.objects.order_by("pk").first()
        return found


class EditProductForm(EditForm, ProductFields):
    """What it is from now on. Its location, its tax rate and its stock have pages of their own."""

    elsewhere = HAVE_PAGES

    def __init__(self, *args, record: Product, **kwargs):
        initial = {"plans": [plan.pk for plan in record.plans.all()]}
        super().__init__(*args, record=record, instance=record, initial=initial, **kwargs)

    @cached_property
    def changed_data(self) -> list[str]:
        """Without the plans: they are said as a whole."""
        return [name for name in super().changed_data if name != "plans"]


class StockForm(HouseForm, OnceForm):
    stock = forms.IntegerField(
        label=_l("In stock"), required=False, min_value=0, max_value=2_000_000_000,
        help_text=_l("Empty: not counted any more."),
        widget=Affixed({"inputmode": "numeric"}, after=_l("pieces")),
    )  # fmt: skip


class ProductChoice(forms.ModelChoiceField):
    """A product with its price, and how many are left where that is counted."""

    def __init__(self, products: QuerySet[Product], *, several: bool, **kwargs):
        self.several = several
        found = products.select_related("location")
        super().__init__(found, empty_label=_("Choose a product"), **kwargs)

    def label_from_instance(self, product: Product) -> str:
        words = f"{product.name} · {money(product.price, product.currency)}"
        if product.stock is not None and not product.recurring:
            words += " · " + _("%d left") % product.stock
        return f"{words} · {product.location}" if self.several else words


class BuyForm(HouseForm, OnceForm):
    """What both ways of selling ask: what, to whom, and for which team. Whoever is fixed is not
    asked for."""

    quantity = forms.IntegerField(label=_l("Quantity"), min_value=1, max_value=10_000, initial=1)

    recurring = False

    def __init__(
        self, *args, user: User, product: Product | None = None, customer: Customer | None = None,
        **kwargs,
    ):  # fmt: skip
        super().__init__(*args, **kwargs)
        self.product = product
        self.user = user
        first: dict[str, forms.Field] = {}
        if customer is None:
            field = CustomerField(label=_("For whom"))
            field.offer(within_reach_of(user))
            first["customer"] = field
        if product is None:
            first["product"] = ProductChoice(
                self._products(), several=Location.objects.count() > 1, label=_("Product")
            )
        self.fields = {**first, **self.fields}
        self.customer = customer or self._chosen()
        self._offer_teams()

    def _products(self) -> QuerySet[Product]:
        places = self.user.places("serve_customers")
        found = Product.objects.live().filter(recurring=self.recurring)
        return found if places is None else found.filter(location__in=places)

    def _chosen(self) -> Customer | None:
        """Whom the form is about so far, however little of it is filled in."""
        bound = self["customer"]
        try:
            return cast(Any, self.fields["customer"]).to_python(
                bound.data if self.is_bound else self.initial.get("customer")
            )
        except forms.ValidationError:
            return None

    def _offer_teams(self) -> None:
        """The teams that the customer is in; none, and nothing is asked."""
        if self.customer is None:
            return
        teams = Team.objects.live().filter(
            memberships__customer=self.customer, memberships__left_at=None, payer__isnull=False
        )
        if teams:
            self.fields["on_behalf_of"] = forms.ModelChoiceField(
                teams, label=_("For the team"), required=False,
                empty_label=_("No team: the customer pays"),
            )  # fmt: skip

    @property
    def chosen_product(self) -> Product:
        return self.product or self.cleaned_data["product"]

    @property
    def chosen_customer(self) -> Customer:
        return self.cleaned_data.get("customer") or cast(Customer, self.customer)

    @property
    def what(self) -> dict[str, Any]:
        """The arguments of the verb."""
        found = {"quantity": self.cleaned_data["quantity"]}
        if team := self.cleaned_data.get("on_behalf_of"):
            found["on_behalf_of"] = team
        return found


class SellForm(BuyForm):
    note = forms.CharField(
        label=_l("Note"), required=False, max_length=150,
        help_text=_l("Added to the line on the invoice."),
    )  # fmt: skip

    @property
    def what(self) -> dict[str, Any]:
        return {**super().what, "note": self.cleaned_data["note"]}


class SubscribeForm(BuyForm):
    """A recurring product: from when, how often, and when it is paid. A price of its own is for
    managers."""

    recurring = True

    starts_on = forms.DateField(label=_l("First day"), widget=DateInput)
    ends_on = forms.DateField(
        label=_l("Last day"), widget=DateInput, required=False,
        help_text=_l("Empty: until somebody ends it."),
    )  # fmt: skip
    every = forms.IntegerField(label=_l("Paid every"), min_value=1, max_value=366, initial=1)
    unit = forms.ChoiceField(label=_l("Unit"), choices=Subscription.Unit.choices, initial="month")
    fee_due = forms.ChoiceField(
        label=_l("Due"), choices=Subscription.FeeDue.choices, initial="in_arrears",
        widget=forms.RadioSelect,
    )  # fmt: skip
    price = forms.DecimalField(
        label=_l("Own price"), required=False, help_text=_l("Empty: the product's price.")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        places = {one.pk: one for one in Location.objects.all()}
        at = self.product.location if self.product else next(iter(places.values()), None)
        if at is not None:
            self.initial.setdefault("starts_on", at.today())
            self.fields["price"].widget = MoneyInput(currency=at.currency)
        if not self.user.may("manage_space", at=self.product.location if self.product else None):
            del self.fields["price"]

    @property
    def what(self) -> dict[str, Any]:
        fields = self.cleaned_data
        return {
            **super().what,
            "starts_on": fields["starts_on"],
            "ends_on": fields["ends_on"],
            "every": (fields["every"], fields["unit"]),
            "fee_due": fields["fee_due"],
            "price": fields.get("price"),
        }
