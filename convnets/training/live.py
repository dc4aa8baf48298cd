"""A notebook that somebody watches: is this one, and can its Stop button be heard while a cell runs?"""

import os
import sys


def in_live_kernel():
    """True in a notebook kernel that a person works with, False in scripts, under nbclient and under nbgrader.

    A frontend for people can ask for keyboard input and says so in every request (`allow_stdin`); nbclient, which
    runs notebooks for nbgrader, nbconvert and tests, says that it cannot. Setting the environment variable
    CONVNETS_SYNCHRONOUS to anything but 0, or nbgrader's NBGRADER_EXECUTION, answers False.
    """
    if os.environ.get("CONVNETS_SYNCHRONOUS", "0") not in ("", "0") or "NBGRADER_EXECUTION" in os.environ:
        return False
    if "IPython" not in sys.modules:
        return False
    kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None)
    if kernel is None:
        return False
    request = kernel.get_parent("shell") or {}
    return bool(request.get("content", {}).get("allow_stdin", False))


def hear_while_busy(panel, stop):
    """Call `stop()` at once when the panel's Stop button is clicked, even while a cell keeps the kernel busy.

    Messages of widgets wait until the cell has ended: since version 7.4 ipykernel sends them to the shell that the
    widget was shown from. But it takes them in on a thread of its own, and there asks the widget's comm for that shell.
    This listens to the question. The message then goes its usual way, where a second stop changes nothing. Older
    versions do not ask: there JupyterLab's own shell for widgets hears the click. Interrupting the cell always works.
    """
    comm = getattr(panel, "comm", None)
    shell_for = getattr(comm, "_reply_subshell_for", None)
    if shell_for is None:
        return

    def listening(data, default):
        if isinstance(data, dict) and (data.get("content") or {}).get("type") == "stop":
            stop()
        return shell_for(data, default)

    comm._reply_subshell_for = listening
