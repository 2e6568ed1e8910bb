"""What gunicorn serves: `gunicorn coworking.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coworking.settings")

application = get_wsgi_application()

from coworking.checks import say_at_start  # noqa: E402 - needs the apps

say_at_start()
