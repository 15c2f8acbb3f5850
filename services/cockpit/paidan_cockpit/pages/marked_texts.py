"""Texts of code, marked for the catalogue: gettext's own word for a text that is translated when a page is rendered."""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name, which its tools look for
    """Return a text as it is: the mark alone counts."""
    return message
