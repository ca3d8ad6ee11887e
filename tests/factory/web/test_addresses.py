import pytest

from factory.web.addresses import safe_path


@pytest.mark.parametrize("path", ["/", "/devices/my-pi", "/jobs#job-3", "/models?page=2&next=//evil.example"])
def test_paths_of_this_site_are_followed(path: str) -> None:
    assert safe_path(path, "/fallback") == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "devices",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\u2028/evil",
        "/" + "a" * 500,
        " //evil.example",
    ],
)
def test_everything_else_is_not(path: str | None) -> None:
    assert safe_path(path, "/fallback") == "/fallback"
