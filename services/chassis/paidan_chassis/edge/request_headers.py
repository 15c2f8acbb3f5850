"""Request headers as text: UTF-8, given once, without the white space that HTTP allows around a value."""

from starlette.types import Scope

from paidan_chassis.edge.problems import Problem


def read_header(scope: Scope, name: str) -> str | None:
    """Return a header's value, None if it is missing or empty; raise 400 if it is given twice or is not UTF-8.

    HTTP's own Latin-1 would read the bytes of Chinese as other letters, and some of them as spaces to strip.
    """
    wanted = name.lower().encode()
    values = [value for each, value in scope["headers"] if each == wanted]
    if len(values) > 1:
        raise repeated_header(name)
    try:
        return values[0].strip(b" \t").decode() or None if values else None
    except UnicodeDecodeError:
        raise Problem(400, "invalid", f"the header {name} is not UTF-8", f"请求头 {name} 须为 UTF-8", name) from None


def require_header(scope: Scope, name: str) -> str:
    """Return a header's value, or raise 400 naming it."""
    value = read_header(scope, name)
    if value is None:
        code = name.lower().replace("-", "_") + "_missing"
        raise Problem(400, code, f"the header {name} is required", f"缺少请求头 {name}", name)
    return value


def repeated_header(name: str) -> Problem:
    """Return the 400 for a header that is given twice."""
    return Problem(400, "invalid", f"the header {name} is given twice", f"请求头 {name} 重复", name)
