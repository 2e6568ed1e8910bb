from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import StaffRole, User
from kit.commands import HouseCommand, Result
from kit.emails import canonical
from kit.problems import Problem, problems_of, refuse_if
from spaces.models import Location


class Command(HouseCommand):
    help = (
        "Make the first location and its owner in an empty installation. Prints a link that works "
        "once, with which the owner chooses a password."
    )

    def add_arguments(self, parser):
        parser.add_argument("name", help="the name of the space, such as “Riverside House”")
        parser.add_argument("--zone", required=True, help="its time zone, such as Europe/London")
        parser.add_argument("--currency", required=True, help="its currency, such as EUR")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="the owner's e-mail")

    @transaction.atomic
    def work(self, *, name, zone, currency, owner, **options) -> Result:
        if StaffRole.objects.filter(role=StaffRole.Role.OWNER, ended_at=None).exists():
            refuse_if([Problem("space_exists", _("This installation has an owner already."))])
        try:
            email = canonical(owner)
        except ValidationError as error:
            refuse_if(problems_of(error))
        location = Location.objects.establish(
            name=name.strip(), timezone=zone, currency=currency.upper(), by=None
        )
        user = User.objects.filter(email=email).first() or User.objects.create_user(email)
        user.give_role(StaffRole.Role.OWNER, by=None)
        path = reverse(
            "account_reset_password_from_key",
            kwargs={
                "uidb36": user_pk_to_url_str(user),
                "key": default_token_generator.make_token(user),
            },
        )
        link = f"{settings.BASE_URL}{path}"
        self.say(f"{location.name} is there. {user.email} chooses a password here, once:")
        self.say(link)
        return Result(
            f"Created {location.name} with owner {user.email}.",
            {"location": location.pk, "owner": user.email, "link": link},
        )
