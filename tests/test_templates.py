"""What no page may carry: the security policy would block it, quietly."""

import re

# Code in the page is forbidden; a script from a file is not.
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style\b|\sstyle=|\son[a-z]+=|javascript:", re.I)


def test_no_page_has_inline_styles_or_scripts(house):
    found = [
        f"{page.relative_to(house)}: {match.group()}"
        for page in house.glob("templates/**/*.html")
        if "emails" not in page.parts
        for match in INLINE.finditer(page.read_text())
    ]
    assert found == []


def test_no_page_names_another_host(house):
    found = [
        str(page.relative_to(house))
        for page in house.glob("templates/**/*.html")
        if re.search(r"(src|href|action)=\"(https?:)?//", page.read_text())
    ]
    assert found == []
