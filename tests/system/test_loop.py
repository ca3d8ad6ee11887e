"""The loop with a real agent process: over the brokers we support, and where only the base package is installed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from factory.config import BrokerConfig, FactoryConfig, WebConfig
from factory.demo.device import DemoDevice
from factory.fleet.enrolment import Access
from factory.registry.rows import TotalsRow
from factory.release import Keyring
from factory.serving import admin_link, on_free_ports
from tests.support.browser import chromium, open_tab
from tests.support.loop import Outing, await_labelled, close_the_loop, fleet_of_one
from tests.support.mosquitto import mosquitto
from tests.support.workshop import Workshop

FLEET, DEVICE = "plant", "pi-1"
ROOT = Path(__file__).parents[2]
NOT_ON_A_PI = ("torch", "onnx", "flask", "sqlalchemy", "matplotlib", "pyarrow", "sklearn")


def outing(workshop: Workshop, config: FactoryConfig) -> Outing:
    keyring = Keyring(config.home / "keys")
    return Outing(config, keyring, workshop.built.release, workshop.dataset.task, workshop.held_out)


def agrees(totals: TotalsRow, workshop: Workshop) -> None:
    test = workshop.built.test
    assert (totals.n_labelled, totals.confusion) == (test["windows"], tuple(map(tuple, test["confusion"])))


def test_over_the_embedded_broker(workshop: Workshop, home: Path, tmp_path: Path) -> None:
    config = on_free_ports(FactoryConfig(home, FLEET))
    device = DemoDevice(tmp_path / "device", DEVICE)
    agrees(close_the_loop(outing(workshop, config), device, None, workshop.built.test["windows"]), workshop)


def test_over_mosquitto_with_client_certificates_and_an_access_list(
    workshop: Workshop, home: Path, tmp_path: Path
) -> None:
    with mosquitto(tmp_path / "mosquitto", FLEET) as broker:
        ca, factory = broker.authority.certificate, broker.authority.issue(f"{FLEET}.factory")
        settings = BrokerConfig(broker.url, ca=str(ca), certificate=str(factory.certificate), key=str(factory.key))
        config = on_free_ports(FactoryConfig(home, FLEET, broker=settings, web=WebConfig()))
        own = broker.authority.issue(DEVICE)
        access = Access(broker.url, ca=ca, certificate=own.certificate, key=own.key)
        device = DemoDevice(tmp_path / "device", DEVICE)
        agrees(close_the_loop(outing(workshop, config), device, access, workshop.built.test["windows"]), workshop)


def test_by_the_button_on_the_page_accuracy_arrives_without_a_reload(
    workshop: Workshop, home: Path, tmp_path: Path
) -> None:
    config, test = on_free_ports(FactoryConfig(home, FLEET)), workshop.built.test
    device = DemoDevice(tmp_path / "device", DEVICE)
    with (
        fleet_of_one(outing(workshop, config), device, None) as (registry, running),
        chromium() as browser,
        open_tab(browser) as tab,
    ):
        page = tab.page
        page.goto(admin_link(registry, running.page_url))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Not now").click()
        page.get_by_role("link", name=DEVICE).click()
        page.get_by_role("button", name="Push").click()
        page.evaluate("window.never_reloaded = true")
        agrees(await_labelled(registry, device, test["windows"]), workshop)
        expect(page.locator("#accuracy")).to_contain_text(f"{test['windows']} labelled of {test['windows']} windows")
        expect(page.locator("[data-figure=accuracy]")).to_have_text(re.compile(f"{100 * test['accuracy']:.1f}"))
        expect(page.locator("#jobs")).to_contain_text("done")
        assert page.evaluate("window.never_reloaded") is True
        assert tab.complaints == []


@pytest.mark.slow
def test_where_only_the_base_package_is_installed(
    workshop: Workshop, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = _base_install(tmp_path / "venv")
    for name in NOT_ON_A_PI:
        found = subprocess.run([python, "-c", f"import {name}"], capture_output=True, check=False)
        assert b"No module named" in found.stderr, f"{name} came along with the base package"
    config = on_free_ports(FactoryConfig(home, FLEET))
    device = DemoDevice(tmp_path / "device", DEVICE, str(python))
    agrees(close_the_loop(outing(workshop, config), device, None, workshop.built.test["windows"]), workshop)
    with capsys.disabled():
        print(f"\nbase package installed: {_megabytes(tmp_path / 'venv'):.0f} MB")


def _base_install(folder: Path) -> Path:
    """A fresh environment with `pip install cygnet`, from this checkout; its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    constraints = ("-c", str(ROOT / "constraints.txt"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", *constraints, str(ROOT)], check=True)
    return python


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6
