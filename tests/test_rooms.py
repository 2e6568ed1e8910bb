"""A room knows only the rooms below it, also where imports do not show it."""

import re
from pathlib import Path

import pytest
from django.apps import apps

ROOMS = ["kit", "spaces", "customers", "plans", "bookings", "billing", "portal", "panel"]
MODELS = [model for model in apps.get_models() if model._meta.app_label in ROOMS]
HOUSE = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_foreign_keys_point_down(model):
    here = ROOMS.index(model._meta.app_label)
    for field in model._meta.get_fields():
        related = field.related_model
        forwards = field.concrete or (field.many_to_many and not field.auto_created)
        if forwards and related is not None and related._meta.app_label in ROOMS:
            there = ROOMS.index(related._meta.app_label)
            assert there <= here, f"{field} points up to {related._meta.label}"


@pytest.mark.parametrize("face", ["portal", "panel"])
def test_a_face_has_no_models(face):
    assert not list(apps.get_app_config(face).get_models())


def names_of_addresses(folder: str) -> set[str]:
    """The spaces of route names that a room's code and templates speak of."""
    files = [*(HOUSE / folder).rglob("*.py"), *(HOUSE / "templates" / folder).rglob("*.html")]
    found = set()
    for file in files:
        found |= set(re.findall(r"[\"'](portal|panel):\w+[\"']", file.read_text()))
    return found


@pytest.mark.parametrize("room", ["kit", "spaces", "customers", "plans"])
def test_rooms_below_the_faces_know_no_address_of_theirs(room):
    assert names_of_addresses(room) == set()


def test_the_faces_do_not_know_each_other():
    assert names_of_addresses("panel") == {"panel"}
    assert names_of_addresses("portal") <= {"portal"}


def test_no_filter_excludes_across_a_relation_to_many():
    """`exclude()` over such a relation counts otherwise than one thinks; say it with Exists."""
    to_many = {
        relation.get_accessor_name() or relation.name
        for model in MODELS
        for relation in model._meta.related_objects
        if relation.one_to_many or relation.many_to_many
    } | {relation.related_query_name() for model in MODELS for relation in model._meta.many_to_many}
    wrong = []
    for room in (*ROOMS, "coworking"):
        for file in (HOUSE / room).rglob("*.py"):
            for call in re.findall(r"\.exclude\(([^)]*)\)", file.read_text()):
                words = re.findall(r"(\w+?)(?:__\w+)?=", call)
                wrong += [f"{file.name}: exclude({call})" for word in words if word in to_many]
    assert wrong == []
