"""Cells that a spreadsheet would run as a formula, made harmless when exported, and back."""

RUN = ("=", "+", "-", "@", "\t", "\r", "'")


def harmless(text: str) -> str:
    """A cell as it is exported: an apostrophe goes before what a spreadsheet would run.

    Texts that begin with an apostrophe get one too, so that `natural` gives back exactly what
    stood there.
    """
    return f"'{text}" if text.startswith(RUN) else text


def natural(text: str) -> str:
    """A cell as it was before `harmless`."""
    return text[1:] if text.startswith("'") and text[1:].startswith(RUN) else text
