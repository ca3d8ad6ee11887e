"""Where a visitor may be sent after signing in: only to a path of this very site."""

from urllib.parse import urlsplit

MAX_LENGTH = 500


def safe_path(wanted: str | None, otherwise: str) -> str:
    """`wanted` where it is a plain path of this site, else `otherwise`.

    Browsers read a backslash as a slash and skip control characters, so `/\\evil.example` is as foreign as
    `//evil.example`.
    """
    if not wanted or len(wanted) > MAX_LENGTH or not wanted.startswith("/") or wanted.startswith("//"):
        return otherwise
    if "\\" in wanted or not wanted.isprintable():
        return otherwise
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return otherwise
    return otherwise if parts.scheme or parts.netloc else wanted
