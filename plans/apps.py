from django.apps import AppConfig


class PlansConfig(AppConfig):
    name = "plans"
    verbose_name = "Plans and contracts"

    def ready(self):
        import plans.receivers  # noqa: F401 - importing connects them
        from kit import guards, locks
        from plans.models import Contract, Plan
        from plans.models.events import guards_of_events
        from plans.models.freezes import guards_of_freezes

        locks.register(plans=Plan, contracts=Contract)
        guards.declare(*guards_of_events, *guards_of_freezes)
