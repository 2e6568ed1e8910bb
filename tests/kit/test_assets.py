import re
from pathlib import Path

from django.contrib.staticfiles import finders

from kit import assets


def test_the_sprite_holds_every_icon_of_the_house_once():
    names = re.findall(r'<symbol id="([^"]+)"', assets.icon_sprite())
    assert names == sorted(assets.ICONS)


def test_every_icon_named_in_a_template_or_a_view_is_in_the_sprite(house):
    named = set()
    for template in house.glob("templates/**/*.html"):
        named |= set(re.findall(r"{% icon \"([^\"]+)\"", template.read_text()))
        named |= set(re.findall(r"\bicon=\"([^\"]+)\"", template.read_text()))
    assert len(named) > 20
    assert named <= assets.ICONS


def test_the_made_files_are_found_and_whole():
    text = Path(str(finders.find(assets.STYLES))).read_text()
    assert text.index("@layer reset, tokens, base, components, screens, utilities;") < 200
    assert ".badge--member" in text
    assert "data-dialog" in Path(str(finders.find(assets.SCRIPT))).read_text()
    assert finders.find(assets.ICONS_FILE)


def test_each_style_file_puts_itself_into_a_layer(house):
    for sheet in house.glob("static/css/*.css"):
        if sheet.name == "layers.css":
            continue
        bare = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL).strip()
        assert bare.startswith("@layer "), sheet.name
        assert bare.count("{") == bare.count("}"), sheet.name
