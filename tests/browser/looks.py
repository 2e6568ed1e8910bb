"""Accessibility and layout audit of a page: axe, touch target size, reflow and two font sets.

A page is loaded once. Its width, colour scheme and fonts are then changed in place.
"""

import os
import warnings
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.browser.answers import settle

WIDE, PHONE, HEIGHT = 1280, 390, 900
LEAST = 24
# How wide the free times of a day are is how long they last.
LEAST_WIDTH = 30

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Of these rules alone the answer depends on the colour scheme.
ON_COLOURS = ["color-contrast", "link-in-text-block"]
# The violations are reported in full; what passes is not listed.
OPTIONS = {"resultTypes": ["violations"], "preload": {"assets": ["media"]}, "selectors": False}

# Both sets come from packages of Debian. DejaVu is wide and has high lines, Liberation is narrow.
FONTS = {
    "DejaVu": ("fonts-dejavu-core", "DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono"),
    "Liberation": ("fonts-liberation", "Liberation Sans", "Liberation Serif", "Liberation Mono"),
}

SWITCH = """(names) => {
  ["--sans", "--serif", "--mono"].forEach((token, index) =>
    document.documentElement.style.setProperty(token, `"${names[index]}"`));
  // A page without the product's style sheet, as an e-mail, has fonts of its own.
  if (!document.querySelector("link[rel=stylesheet]")) return null;
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `100px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText("Hamburgefonstiv 0123456789").width;
}"""

# A font is there when text in it is as wide whatever the next font of the list is.
IS_THERE = """(name) => {
  const pen = document.createElement("canvas").getContext("2d");
  const width = (next) => {
    pen.font = `100px "${name}", ${next}`;
    return pen.measureText("Hamburgefonstiv 0123456789").width;
  };
  return width("serif") === width("monospace");
}"""

# What is pressed and stands for itself, with its size. A link in a sentence is as high as the
# text around it. For a field its label counts, too: pressing it does the same.
SMALL = r"""([least, width]) => {
  const PRESSED = "a[href], button, summary, input:not([type=hidden]), select, textarea,"
    + " [role=button], [role=link], [role=tab]";
  const inline = (element) => ["inline", "contents"].includes(getComputedStyle(element).display);
  const blockOf = (node) => {
    let block = node.parentElement;
    while (inline(block)) block = block.parentElement;
    return block;
  };
  const isInSentence = (element) => {
    if (!inline(element)) return false;
    const block = blockOf(element);
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode;
      if (/[\p{L}\p{N}]/u.test(text.data) && blockOf(text) === block
          && !text.parentElement.closest(PRESSED)) return true;
    }
    return false;
  };
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true });
  const small = [];
  for (const element of document.querySelectorAll(PRESSED)) {
    if (!isShown(element) || element.matches(":disabled") || isInSentence(element)) continue;
    const boxes = [element, ...(element.labels ?? [])].filter(isShown)
      .map((one) => one.getBoundingClientRect()).filter((box) => box.width && box.height);
    const isLarge = (box) => box.height >= least - 0.01 && box.width >= width - 0.01;
    if (!boxes.length || boxes.some(isLarge)) continue;
    const size = [boxes[0].width, boxes[0].height].map((side) => side.toFixed(1)).join(" x ");
    small.push(`${element.outerHTML.slice(0, 160)} is ${size}`);
  }
  return small;
}"""

# What appears or disappears has done so. What turns as long as something is under way does not end.
AT_REST = """() => document.getAnimations().every((animation) =>
  animation.playState !== "running"
    || animation.effect?.getComputedTiming().iterations === Infinity)"""

WIDER = "document.documentElement.scrollWidth - window.innerWidth"


class Looks:
    """Asks one page after another how it looks. `fonts` are the sets that this machine has."""

    def __init__(self) -> None:
        self.axe = Axe()
        self.fonts: list[str] | None = None

    def __call__(self, page: Any, *, phone: int = LEAST) -> None:
        """Raise `AssertionError` with everything that is wrong with the page.

        `phone` is the least size in pixels of what is pressed at the width of a phone.
        """
        settle(page)
        first, *others = self.known_fonts(page)
        found: list[str] = []
        widths = {first: self.switch(page, first)}
        for width, least in ((WIDE, LEAST), (PHONE, phone)):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            self.ask(page, found, f"{width} pixels, {first}", least)
            found += self.violations(page, f"{width} pixels", {"type": "tag", "values": WCAG})
            page.emulate_media(color_scheme="dark")
            found += self.violations(
                page, f"{width} pixels, dark", {"type": "rule", "values": ON_COLOURS}
            )
            page.emulate_media(color_scheme="light")
        for name in others if widths[first] else []:
            widths[name] = self.switch(page, name)
            for width, least in ((PHONE, phone), (WIDE, LEAST)):
                page.set_viewport_size({"width": width, "height": HEIGHT})
                self.ask(page, found, f"{width} pixels, {name}", least)
        page.set_viewport_size({"width": WIDE, "height": HEIGHT})
        assert len(set(widths.values())) == len(widths), f"the fonts are the same: {widths}"
        assert not found, f"{page.url}:\n" + "\n".join(found)

    def assert_accessible(self, page: Any) -> None:
        """Raise `AssertionError` with what axe finds on a page as it is shown at this moment."""
        settle(page)
        page.wait_for_function(AT_REST)
        found = self.violations(page, "as shown", {"type": "tag", "values": WCAG})
        assert not found, f"{page.url}:\n" + "\n".join(found)

    def known_fonts(self, page: Any) -> list[str]:
        """Return the names of the sets that are installed. In CI all of them have to be."""
        if self.fonts is None:
            self.fonts = []
            for name, (package, *families) in FONTS.items():
                if all(page.evaluate(IS_THERE, family) for family in families):
                    self.fonts.append(name)
                    continue
                text = f"The fonts {name} are not installed (Debian: apt install {package})."
                assert not os.environ.get("CI"), text
                warnings.warn(f"{text} How pages look in them is not tested.", stacklevel=2)
            assert self.fonts, "None of the fonts of the looks tests is installed."
        return self.fonts

    def switch(self, page: Any, name: str) -> float | None:
        """Show the page in a set of fonts. Returns how wide a text is in it.

        Returns `None` where the page does not use the product's fonts.
        """
        return page.evaluate(SWITCH, list(FONTS[name][1:]))

    def ask(self, page: Any, found: list[str], when: str, least: int) -> None:
        """Add what is wider than the page and what is too small to press."""
        if (beyond := page.evaluate(WIDER)) > 0:
            found.append(f"{when}: {beyond} pixels wider than the screen")
        found += [
            f"{when}: {small}, not {least}"
            for small in page.evaluate(SMALL, [least, min(least, LEAST_WIDTH)])
        ]

    def violations(self, page: Any, when: str, rules: dict) -> list[str]:
        """Return what axe finds against some of its rules, each with the elements."""
        if not page.evaluate("'axe' in window"):
            page.evaluate(self.axe.axe_script)
        run = "(options) => axe.run(document, options)"
        answer = page.evaluate(run, {**OPTIONS, "runOnly": rules})
        return [
            f"{when}: {violation['id']} ({violation['impact']}): {violation['help']}\n"
            + "\n".join(f"    {node['html'][:160]}" for node in violation["nodes"][:5])
            for violation in answer["violations"]
        ]
