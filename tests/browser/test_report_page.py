"""The reports of the mini-review and of the shipped review in a real browser: no console error, no request."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from synovia.review.folder import Folder
from synovia.review.results import produce

ROOT = Path(__file__).parents[2]
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver"
)


def entries(driver: webdriver.Chrome, log: str) -> list[dict[str, str]]:
    """What the driver has logged since it was last asked."""
    found: list[dict[str, str]] = driver.execute("getLog", {"type": log})["value"]
    return found


@pytest.fixture(scope="module", params=["tests/golden/synthetic-mini-review", "reviews/knee-oa"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report, built from a private copy of its review."""
    copy = tmp_path_factory.mktemp("review") / "review"
    shutil.copytree(ROOT / request.param, copy, ignore=shutil.ignore_patterns("out", ".synovia"))
    return produce(Folder.at(copy)).report


@pytest.fixture(scope="module")
def browser(report: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser that has opened the report and nothing else."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
        "--window-size=1280,900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.get("data:,")
    for log in ("browser", "performance"):
        entries(driver, log)  # what the browser does for itself at its start
    driver.get(report.as_uri())
    yield driver
    driver.quit()


def test_nothing_is_said_on_the_console(browser: webdriver.Chrome) -> None:
    assert [entry for entry in entries(browser, "browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_nothing_is_fetched(browser: webdriver.Chrome) -> None:
    messages = [json.loads(entry["message"])["message"] for entry in entries(browser, "performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in urls if not url.startswith(("file:", "data:"))] == []


def test_every_internal_link_leads_somewhere(browser: webdriver.Chrome) -> None:
    broken = browser.execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')]"
        ".map(a => a.getAttribute('href').slice(1)).filter(id => !document.getElementById(id))"
    )
    assert broken == []


def test_the_answer_stands_first_and_nothing_overflows(browser: webdriver.Chrome) -> None:
    assert "hyaluronic acid" in browser.find_element(By.TAG_NAME, "main").text[:3000]
    for width in (1280, 390):
        browser.set_window_size(width, 900)
        wide = browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 1, f"the page is {wide} px wider than a window of {width} px"


def test_a_number_leads_down_to_its_source(browser: webdriver.Chrome) -> None:
    browser.set_window_size(1280, 900)
    browser.execute_script("location.hash = document.querySelector('[id^=\"outcome\"]').id")
    assert browser.execute_script("return document.querySelectorAll('main a[href^=\"#\"]').length") > 50
    shown = browser.execute_script("return document.querySelector(':target').innerText")
    assert "Table" in shown
