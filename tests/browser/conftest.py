"""Chromium for the tests: `page` fails its test on a console error and on any request that leaves this machine."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
LOCAL = {"127.0.0.1", "localhost", ""}


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all tests."""
    playwright_api = pytest.importorskip("playwright.sync_api", reason="browser tests need the package playwright")
    if not CHROMIUM:
        pytest.skip("browser tests need Chromium: apt-get install chromium")
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A fresh page, 1000 × 1000 pixels. At the end of the test its complaints must be empty."""
    context = browser.new_context(viewport={"width": 1000, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(20_000)
    complaints = watch(page)
    yield page
    context.close()
    assert complaints == []


def watch(page):
    """Return a list that fills with the page's errors and with its requests to other machines, which are cut off."""
    complaints = []

    def route(route):
        address = urlsplit(route.request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in LOCAL:
            complaints.append(f"request to {route.request.url}")
            route.abort()
        else:
            route.continue_()

    page.route("**/*", route)
    page.on("pageerror", lambda error: complaints.append(f"error in the page: {error}"))
    page.on("console", lambda message: complaints.append(f"console: {message.text}") if message.type == "error" else None)
    return complaints


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab as `convnets lab` starts it, on an empty folder: (address with token, folder)."""
    from convnets.lab import lab_command

    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "course"
    folder.mkdir()
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    environment = os.environ | {f"JUPYTER_{name}": str(home / name.lower()) for name in names}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    extra = ["--no-browser", "--port=0", "--ip=127.0.0.1", "--IdentityProvider.token=t", "--allow-root", "--ServerApp.port_retries=50"]
    log = Path(home / "log.txt")
    with log.open("w") as file:
        server = subprocess.Popen(lab_command(folder, extra), stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=folder)
    try:
        yield _address(server, log), folder
    finally:
        server.terminate()
        server.wait(20)


def _address(server, log):
    end = time.monotonic() + 90
    while time.monotonic() < end:
        found = re.search(r"http://127\.0\.0\.1:\d+/", log.read_text())
        if found:
            return found[0]
        if server.poll() is not None:
            break
        time.sleep(0.2)
    server.kill()
    raise RuntimeError(f"JupyterLab ({sys.executable}) did not start:\n{log.read_text()}")
