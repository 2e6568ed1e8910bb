from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "bookings"
    verbose_name = "Resources and bookings"

    def ready(self):
        import bookings.receivers  # noqa: F401 - importing connects them
        from bookings.models import Resource
        from bookings.models.credits import guards_of_credit
        from bookings.models.guards import guards_of_bookings
        from kit import guards, locks

        locks.register(resources=Resource)
        guards.declare(*guards_of_bookings, *guards_of_credit)
