from django.apps import AppConfig


class CoworkingConfig(AppConfig):
    name = "coworking"
    verbose_name = "Coworking"

    def ready(self):
        import coworking.checks
        import coworking.letters  # noqa: F401 - importing connects them
