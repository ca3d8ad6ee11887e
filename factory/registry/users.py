"""People: who may sign in, and as what.

Rules
1. Of a password only its Argon2id hash is kept (Biryukov, Dinu and Khovratovich, 2016; RFC 9106), with the parameters
   it was made with; signing in renews a hash of older parameters.
2. A name that is unknown costs the same work as a wrong password, so that time does not tell names.
3. Of a login link only the SHA-256 of its token is kept. It opens the door once, and only before it expires.
"""

import hashlib
import re
import secrets
from typing import get_args

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import ColumnElement, delete, false, insert, select, update

from factory.errors import BadInput
from factory.registry.rows import Role, UserRow
from factory.registry.store import Store, bump, insert_new
from factory.registry.tables import login_links, users

MIN_PASSWORD = 12  # characters
TOKEN_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,78}[A-Za-z0-9])?")
_ROLES: tuple[Role, ...] = get_args(Role)
_PUBLIC = (users.c.name, users.c.role, users.c.created)
_hasher = PasswordHasher()


class Users(Store):
    """The part of the registry that knows people."""

    def add_user(self, name: str, password: str, role: str, now: float) -> UserRow:
        """Let a person in from now on.

        Raises:
            BadInput: the name, the password or the role is not acceptable, or the name is taken.
        """
        _check(name, password, role)
        row = {"name": name, "role": role, "password": _hasher.hash(password), "created": now}
        with self._write() as db:
            if not insert_new(db, users, row):
                raise BadInput("user", f"{name} exists already", "Choose another name")
            bump(db)
            return UserRow(**db.execute(select(*_PUBLIC).where(users.c.name == name)).one()._asdict())

    def set_password(self, name: str, password: str) -> None:
        """Replace a person's password.

        Raises:
            BadInput: there is no such person, or the password is not acceptable.
        """
        row = self.user(name)
        if row is None:
            raise BadInput("user", f"{name!r} is unknown", "Add the user first")
        _check(name, password, row.role)
        with self._write() as db:
            db.execute(update(users).where(users.c.name == name).values(password=_hasher.hash(password)))

    def check_password(self, name: str, password: str) -> UserRow | None:
        """The person with this name and password; None where there is none (rules 1 and 2)."""
        stored = self._password(name)
        if stored is None:
            _hasher.hash(password)  # rule 2
            return None
        try:
            _hasher.verify(stored, password)
        except VerifyMismatchError:
            return None
        if _hasher.check_needs_rehash(stored):
            with self._write() as db:
                db.execute(update(users).where(users.c.name == name).values(password=_hasher.hash(password)))
        return self.user(name)

    def user(self, name: str) -> UserRow | None:
        """The person of this name, if any."""
        with self._read() as db:
            row = db.execute(select(*_PUBLIC).where(_named(name))).one_or_none()
        return UserRow(**row._asdict()) if row else None

    def users(self) -> list[UserRow]:
        """Everybody, by name."""
        with self._read() as db:
            return [UserRow(**row._asdict()) for row in db.execute(select(*_PUBLIC).order_by(users.c.name))]

    def make_login_link(self, name: str, now: float, valid_s: float) -> str:
        """A token that signs this person in once within `valid_s` seconds (rule 3).

        Raises:
            BadInput: there is no such person.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._write() as db:
            if db.execute(select(users.c.name).where(_named(name))).first() is None:
                raise BadInput("user", f"{name!r} is unknown", "Add the user first")
            db.execute(delete(login_links).where(login_links.c.expires <= now))
            db.execute(insert(login_links).values(token_sha256=_fingerprint(token), user=name, expires=now + valid_s))
        return token

    def redeem_login_link(self, token: str, now: float) -> UserRow | None:
        """The person this token was made for; None where it is unknown, used or expired (rule 3)."""
        used = delete(login_links).where(login_links.c.token_sha256 == _fingerprint(token))
        with self._write() as db:
            link = db.execute(used.returning(login_links.c.user, login_links.c.expires)).one_or_none()
        return self.user(link.user) if link and now < link.expires else None

    def _password(self, name: str) -> str | None:
        with self._read() as db:
            return db.execute(select(users.c.password).where(_named(name))).scalar_one_or_none()


def _named(name: str) -> ColumnElement[bool]:
    """Whatever a visitor has typed may be asked for, also what no database could store."""
    return users.c.name == name if _NAME.fullmatch(name) else false()


def _check(name: str, password: str, role: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadInput("user", f"{name!r} cannot be a name", "Use 1 to 80 letters, digits and any of . _ @ + -")
    if len(password) < MIN_PASSWORD:
        raise BadInput("password", f"{len(password)} characters are too few", f"Use {MIN_PASSWORD} or more")
    if role not in _ROLES:
        raise BadInput("role", f"{role!r} is unknown", f"Use one of {', '.join(_ROLES)}")


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
