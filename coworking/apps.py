from django.apps import AppConfig


class CoworkingConfig(AppConfig):
    name = "coworking"
    verbose_name = "Coworking"

    def ready(self):
        import coworking.checks
        import coworking.invoice_letters
        import coworking.letters  # noqa: F401
