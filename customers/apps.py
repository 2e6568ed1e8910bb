from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = "Customers"

    def ready(self):
        import customers.receivers  # noqa: F401 - importing connects them
        from customers import rights
        from customers.models import Customer, Team, User
        from customers.models.status import guards_of_changes
        from kit import guards, locks

        rights.define_policies()
        locks.register(users=User, customers=Customer, teams=Team)
        guards.declare(*guards_of_changes)
