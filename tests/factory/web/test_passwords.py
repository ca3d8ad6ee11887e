from tests.factory.web.conftest import NOW, PASSWORDS, Visitor
from tests.factory.web.showroom import Showroom

NEW = "a password of my own"
PATH = "/account/password"


def by_link(visitor: Visitor, room: Showroom) -> Visitor:
    assert visitor.post(f"/login/link/{room.registry.make_login_link('ada', NOW, 600)}").location == PATH
    return visitor


def test_who_comes_by_link_chooses_a_password_without_knowing_one(visitor: Visitor, room: Showroom) -> None:
    by_link(visitor, room)
    assert "Welcome, ada" in visitor.get(PATH).text
    assert visitor.post(PATH, wanted=NEW, again=NEW).location == "/"
    assert room.registry.check_password("ada", NEW) is not None
    assert room.registry.check_password("ada", PASSWORDS["ada"]) is None


def test_the_link_counts_for_one_change(visitor: Visitor, room: Showroom) -> None:
    by_link(visitor, room).post(PATH, wanted=NEW, again=NEW)
    assert visitor.post(PATH, wanted="a third password", again="a third password").status_code == 403


def test_everybody_else_must_know_the_password_so_far(viewer: Visitor, room: Showroom) -> None:
    assert viewer.post(PATH, current="wrong", wanted=NEW, again=NEW).status_code == 403
    assert viewer.post(PATH, current=PASSWORDS["vera"], wanted=NEW, again=NEW).location == "/"
    assert room.registry.check_password("vera", NEW) is not None


def test_guessing_the_password_so_far_is_slowed_down(viewer: Visitor) -> None:
    answers = [viewer.post(PATH, current="wrong", wanted=NEW, again=NEW).status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]


def test_a_password_that_will_not_do_changes_nothing(visitor: Visitor, room: Showroom) -> None:
    by_link(visitor, room)
    assert "differ" in visitor.post(PATH, wanted=NEW, again="another password").text
    assert "too few" in visitor.post(PATH, wanted="short", again="short").text
    assert room.registry.check_password("ada", PASSWORDS["ada"]) is not None
