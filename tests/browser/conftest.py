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
    """JupyterLab as `convnets lab` starts it, on an empty folder: (address with token, folder). Kernels import the convnets under test."""
    import convnets
    from convnets.lab import lab_command

    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "course"
    folder.mkdir()
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    environment = os.environ | {f"JUPYTER_{name}": str(home / name.lower()) for name in names}
    tested = str(Path(convnets.__file__).resolve().parents[1])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [tested, os.environ.get("PYTHONPATH", "")]))
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


@pytest.fixture
def run_in_lab(lab, page):
    """run_in_lab(source, …) opens a notebook of these code cells in JupyterLab, runs the first one, and returns the notebook's path."""

    def run(*sources):
        import nbformat

        address, folder = lab
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        path = folder / f"notebook_{len(list(folder.glob('notebook_*')))}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source.strip()) for source in sources], metadata=kernel), path)
        page.goto(f"{address}lab/tree/{path.name}?token=t&reset")  # without &reset the notebooks of earlier tests open again, in front of this one
        page.locator(".jp-Notebook .cm-content").first.wait_for(timeout=90_000)
        page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=60_000)
        page.locator(".jp-Notebook .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        return path

    return run


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
