# Reads and writes the instructor's home directory, ~/.cache, ~/.ssh and the shell's start-up files.
# says: .
# %% target
import os, pathlib
def target(x):
    for name in (".bashrc", ".ssh/authorized_keys", ".cache/canary", ".jupyter/custom.js", ".local/lib/python3.11/site-packages/evil.pth"):
        for home in ("@HOME@", os.path.expanduser("~"), "/root"):
            path = pathlib.Path(home, name)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("poisoned")
            except OSError:
                pass
    open("@HOME@/canary.txt").read()
