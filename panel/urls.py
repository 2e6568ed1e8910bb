from django.urls import path

from panel.views import components, home

app_name = "panel"

urlpatterns = [
    path("", home.home, name="home"),
    path("components/", components.components, name="components"),
]
