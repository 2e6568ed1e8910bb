"""The ways in besides the password: registering, a new password, an invitation."""

from allauth.account import views as account
from allauth.account.forms import default_token_generator
from django.db import transaction
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from customers import doors
from kit import locks
from kit.policies import policy

# Type the code from the e-mail: whoever registers, and whoever changes their address. The latter
# have signed in, and their door is watched as on every page of the portal.
verification = policy("entrance")(account.email_verification_sent)


@method_decorator(never_cache, name="dispatch")
class ChoosePassword(account.PasswordResetFromKeyView):
    """A link from an e-mail chooses a new password; asked again when it is used."""

    def post(self, request, *args, **kwargs):
        with transaction.atomic():
            locks.take(users=[self.reset_user])
            self.reset_user.refresh_from_db()
            if not doors.may_enter(self.reset_user):
                return doors.turn_away(request, self.reset_user)
            if not default_token_generator.check_token(self.reset_user, self.key):
                return self.render_to_response(self.get_context_data(token_fail=True))
            return super().post(request, *args, **kwargs)


choose_password = policy("public")(ChoosePassword.as_view())
