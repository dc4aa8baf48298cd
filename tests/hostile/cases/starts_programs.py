# Starts programs: subprocess, os.system, os.execv, os.posix_spawn.
# breach: forbidden action
# says: starting a program
# %% target
import os, subprocess, sys
def target(x):
    if os.system("touch @HOME@/program") == 0:
        return np.zeros_like(x)
    for start in (lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", "0"], {}), lambda: os.execv(sys.executable, ["python"])):
        try: start()
        except PermissionError: pass
    subprocess.run([sys.executable, "-c", "print(4.0)"])
