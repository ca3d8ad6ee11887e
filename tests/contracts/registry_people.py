"""What every registry promises about people."""

import pytest

from factory.errors import BadInput
from factory.registry import Registry
from factory.registry.rows import UserRow

PASSWORD = "correct horse battery"


class UsersContract:
    def test_only_the_right_name_with_the_right_password_gets_in(self, registry: Registry) -> None:
        ada = registry.add_user("ada@example.org", PASSWORD, "operator", now=1.0)
        assert ada == UserRow("ada@example.org", "operator", 1.0)
        assert registry.check_password("ada@example.org", PASSWORD) == ada
        for name, password in (
            ("ada@example.org", PASSWORD.upper()),
            ("ada@example.org", ""),
            ("bo", PASSWORD),
            ("ada\0", PASSWORD),
            ("ada@example.or_", PASSWORD),
        ):
            assert registry.check_password(name, password) is None, (name, password)

    def test_people_are_listed_by_name(self, registry: Registry) -> None:
        bo, ada = (registry.add_user(name, PASSWORD, "viewer", now=1.0) for name in ("bo", "ada"))
        assert registry.users() == [ada, bo]
        assert registry.user("bo") == bo
        assert registry.user("nobody") is None
        assert registry.user("bo\0") is None

    @pytest.mark.parametrize(
        ("name", "password", "role", "why"),
        [
            pytest.param("cy", "elevenchars", "viewer", "11 characters are too few", id="a short password"),
            pytest.param("cy", PASSWORD, "root", "'root' is unknown", id="an unknown role"),
            pytest.param("", PASSWORD, "viewer", "cannot be a name", id="no name"),
            pytest.param("<b>", PASSWORD, "viewer", "cannot be a name", id="markup as a name"),
            pytest.param("ada", PASSWORD, "viewer", "exists already", id="a name that is taken"),
        ],
    )
    def test_nobody_is_added_with(self, registry: Registry, name: str, password: str, role: str, why: str) -> None:
        ada = registry.add_user("ada", PASSWORD, "admin", now=1.0)
        with pytest.raises(BadInput, match=why):
            registry.add_user(name, password, role, now=2.0)
        assert registry.users() == [ada]

    def test_a_login_link_works_once(self, registry: Registry) -> None:
        ada = registry.add_user("ada", PASSWORD, "admin", now=1.0)
        token = registry.make_login_link("ada", now=10.0, valid_s=60.0)
        assert registry.redeem_login_link(token, now=69.9) == ada
        assert registry.redeem_login_link(token, now=69.9) is None

    def test_a_login_link_expires(self, registry: Registry) -> None:
        registry.add_user("ada", PASSWORD, "admin", now=1.0)
        token = registry.make_login_link("ada", now=10.0, valid_s=60.0)
        assert registry.redeem_login_link(token, now=70.0) is None
        assert registry.redeem_login_link(token, now=11.0) is None, "a late try has used it up"

    def test_a_login_link_outlives_those_that_expired_before_it_was_made(self, registry: Registry) -> None:
        ada = registry.add_user("ada", PASSWORD, "admin", now=1.0)
        first = registry.make_login_link("ada", now=10.0, valid_s=100.0)
        registry.make_login_link("ada", now=50.0, valid_s=1.0)
        registry.make_login_link("ada", now=60.0, valid_s=1.0)
        assert registry.redeem_login_link(first, now=61.0) == ada

    @pytest.mark.parametrize("token", ["", "guess", "\0", "ü\udc80"])
    def test_a_guessed_token_opens_nothing(self, registry: Registry, token: str) -> None:
        registry.add_user("ada", PASSWORD, "admin", now=1.0)
        registry.make_login_link("ada", now=10.0, valid_s=60.0)
        assert registry.redeem_login_link(token, now=11.0) is None

    def test_a_link_for_nobody_is_refused(self, registry: Registry) -> None:
        with pytest.raises(BadInput, match="'ghost' is unknown"):
            registry.make_login_link("ghost", now=1.0, valid_s=60.0)
