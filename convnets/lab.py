"""`convnets lab`: JupyterLab on the start page, with what distracts a class switched off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from convnets.start_page import FILE, course_folder, write_start_page

CONFIG = Path(__file__).with_name("jupyter")


def lab_command(folder: Path, extra: list[str]) -> list[str]:
    """The command line that starts JupyterLab for the course: no news, no instructor panels, no extension shop."""
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{FILE}",
        f"--LabApp.app_settings_dir={CONFIG / 'settings'}",
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",
        *extra,
    ]


def run_lab(extra: list[str]) -> int:
    """Write the start page, start JupyterLab and wait for its end. Returns its exit status."""
    folder = course_folder()
    write_start_page(folder)
    paths = [str(CONFIG), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    environment = os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths)), "JUPYTER_PLATFORM_DIRS": "1"}
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads that spin make a busy laptop many times slower
    try:
        return subprocess.call(lab_command(folder, extra), env=environment, cwd=folder)
    except KeyboardInterrupt:
        return 0
