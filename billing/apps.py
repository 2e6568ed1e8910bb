from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Billing"

    def ready(self):
        import billing.receivers  # noqa: F401 - importing connects them
        from billing.models import Account, Invoice, Product, Series
        from billing.models.charges import guards_of_charges
        from billing.models.claims import guards_of_claims
        from billing.models.documents import guards_of_documents
        from billing.models.guards import guards_of_invoices
        from billing.models.paying import guards_of_payments
        from kit import guards, locks

        locks.register(accounts=Account, invoices=Invoice, products=Product, counter=Series)
        guards.declare(
            *guards_of_charges,
            *guards_of_invoices,
            *guards_of_payments,
            *guards_of_claims,
            *guards_of_documents,
        )
