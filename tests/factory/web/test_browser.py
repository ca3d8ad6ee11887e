"""The page in a real browser: what an operator does on the first day."""

import random
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from factory.registry import Registry
from factory.web import create_app, serve
from tests.factory.web.showroom import Showroom, furnish, metrics
from tests.support.browser import Tab, chromium, open_tab


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def live_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showroom]:
    with Registry.open(tmp_path_factory.mktemp("live")) as registry:
        room = furnish(registry, time.time())
        registry.add_user("ada", "an admin's password", "admin", room.now)
        yield room


@pytest.fixture(scope="module")
def url(live_room: Showroom) -> Iterator[str]:
    page = serve(create_app(live_room.registry, b"not so secret in a test"), "127.0.0.1", 0)
    yield page.url
    page.close()


@pytest.fixture
def tab(browser: Browser, url: str, live_room: Showroom) -> Iterator[Tab]:
    """Signed in by a one-time link; whatever the page complains about fails the test."""
    with open_tab(browser) as opened:
        opened.page.goto(f"{url}/login/link/{live_room.registry.make_login_link('ada', time.time(), 600)}")
        opened.page.get_by_role("button", name="Sign in").click()
        opened.page.get_by_label("New password", exact=True).fill("a password of my own")
        opened.page.get_by_label("New password again").fill("a password of my own")
        opened.page.get_by_role("button", name="Set password").click()
        expect(opened.page.get_by_role("heading", name="Fleet")).to_be_visible()
        yield opened
        assert opened.complaints == []


def test_from_the_link_to_accuracy_arriving_live(tab: Tab, live_room: Showroom) -> None:
    page, registry = tab.page, live_room.registry
    page.get_by_role("link", name="gym-north-2").click()
    expect(page.get_by_role("heading", name="gym-north-2")).to_be_visible()
    page.get_by_label("Model").select_option(live_room.large.release)
    page.get_by_role("button", name="Push").click()
    expect(page.get_by_text(re.compile(r"Job \d+ is queued"))).to_be_visible()
    job = registry.jobs()[0]
    assert (job.by, job.payload["release"]) == ("ada", live_room.large.release)
    expect(page.locator("#jobs")).to_contain_text(f"Job {job.id}")

    page.evaluate("window.never_reloaded = true")
    figure = page.locator("[data-figure=accuracy]")
    before = figure.text_content()
    for seq in range(500, 520):
        report = metrics(random.Random(seq), seq, live_room.best.release, time.time(), 1.0)
        assert registry.add_metrics("gym-north-2", report, time.time())
    expect(figure).not_to_have_text(before or "")
    expect(page.locator("#accuracy")).to_contain_text("700 labelled of 1\u202f000 windows")
    registry.claim("worker", time.time(), 30)
    registry.fail(job.id, "gym-north-2: too_slow", time.time())
    expect(page.locator("#jobs")).to_contain_text("gym-north-2: too_slow")
    assert page.evaluate("window.never_reloaded") is True


def test_an_update_leaves_focus_choice_and_scroll_where_they_are(tab: Tab, url: str, live_room: Showroom) -> None:
    page = tab.page
    page.goto(f"{url}/devices/gym-north-1")
    page.get_by_label("Slot").select_option("shadow")
    link = page.locator("#timeline a").last
    link.focus()
    page.evaluate("scrollTo(0, 300)")
    live_room.registry.enrol("gym-north-1", "moved", time.time())
    expect(page.locator("#presence")).to_contain_text("group moved")
    assert page.evaluate("scrollY") == 300
    expect(link).to_be_focused()
    expect(page.get_by_label("Slot")).to_have_value("shadow")


def test_new_devices_appear_in_order(tab: Tab, live_room: Showroom) -> None:
    before = tab.page.locator("tbody tr th a").all_text_contents()
    live_room.registry.enrol("a-first-one", "lab", time.time())
    live_room.registry.enrol("middle-one", "lab", time.time())
    expected = sorted([*before, "a-first-one", "middle-one"])
    expect(tab.page.locator("tbody tr th a")).to_have_text(expected)


def test_by_keyboard_alone(tab: Tab) -> None:
    page = tab.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_screen(
    width: int, browser: Browser, tab: Tab, url: str, live_room: Showroom
) -> None:
    page = tab.page
    page.set_viewport_size({"width": width, "height": 900})
    model = f"/models/{live_room.best.release}"
    for path in ("/", "/devices/gym-north-1", "/devices/bench-zero", "/devices/new-pi", "/models", model, "/jobs"):
        page.goto(url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_card_cannot_run_a_script(tab: Tab, url: str, live_room: Showroom) -> None:
    page = tab.page
    page.goto(f"{url}/models/{live_room.best.release}/card")
    assert page.title() == "Card"
    assert page.evaluate("origin") == "null"
    assert len(tab.complaints) == 1
    assert "Blocked script execution" in tab.complaints.pop()
