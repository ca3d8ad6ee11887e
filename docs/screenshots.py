"""Makes the README's pictures from the real page: runs `factory demo`, then photographs what it shows.

python -m docs.screenshots [options of factory demo]
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, StorageState

from tests.support.browser import chromium

PICTURES = Path(__file__).parent / "pictures"
SETTLE_MS = 600  # for the stream to open, so that the page says "live"
WIDE, PHONE = (1280, 800), (390, 844)


def take(base_url: str, login_url: str, out_dir: Path) -> list[Path]:
    """Pictures of the fleet, its first device that runs a model, and that model; the files, in that order.

    PNG, light at 1280 px, and the device again dark and as a phone shows it.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        state = _sign_in(browser, login_url)
        paths = _paths(browser, state, base_url)
        wide = [_shoot(browser, state, base_url + path, out_dir / f"{name}.png") for name, path in paths.items()]
        device = base_url + paths["device"]
        dark = _shoot(browser, state, device, out_dir / "device-dark.png", scheme="dark")
        phone = _shoot(browser, state, device, out_dir / "device-phone.png", size=PHONE)
        return [*wide, dark, phone]


def _sign_in(browser: Browser, login_url: str) -> StorageState:
    page = browser.new_page()
    page.goto(login_url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Fleet").first.click()
    page.get_by_role("heading", name="Fleet").wait_for()
    state = page.context.storage_state()
    page.close()
    return state


def _paths(browser: Browser, state: StorageState, base_url: str) -> Mapping[str, str]:
    """Where each picture is taken: the first device and the first model that the page lists."""
    page = browser.new_page(storage_state=state)
    page.goto(base_url)
    running = page.locator("tbody tr:has(td a) a.cover").first
    device = running.get_attribute("href") or "/"
    page.goto(f"{base_url}/models")
    model = page.locator("a.cover").first.get_attribute("href") or "/models"
    page.close()
    return {"fleet": "/", "device": device, "model": model}


def _shoot(
    browser: Browser,
    state: StorageState,
    url: str,
    file: Path,
    size: tuple[int, int] = WIDE,
    scheme: Literal["light", "dark"] = "light",
) -> Path:
    page = browser.new_page(
        storage_state=state,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        device_scale_factor=2 if size == PHONE else 1,
    )
    page.goto(url)
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=file, full_page=size == WIDE)
    page.close()
    return file


def main() -> None:
    """Run the demo, take the pictures, end the demo."""
    command = [sys.executable, "-m", "factory", "demo", "--stay", *sys.argv[1:]]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stderr is not None
        login_url = ""
        for line in demo.stderr:
            sys.stderr.write(line)
            if "/login/link/" in line:
                login_url = line.split()[-1]
            if "page stays up" in line:
                break
        try:
            for picture in take(login_url.partition("/login/")[0], login_url, PICTURES):
                print(picture)
        finally:
            demo.terminate()


if __name__ == "__main__":
    main()
