from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class KitConfig(AppConfig):
    name = "kit"
    verbose_name = "Ground"

    def ready(self):
        from kit import audit, guards

        audit.declare_guards()
        pre_migrate.connect(guards.before_migrate, sender=self, dispatch_uid="guards")
        post_migrate.connect(guards.after_migrate, sender=self, dispatch_uid="guards")
