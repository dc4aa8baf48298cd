# Kills every process that it may signal, and every number up to 70,000.
# breach: crash
# %% target
import os, signal
def target(x):
    for pid in (*range(2, 70000), @PID@):
        if pid != os.getpid():
            try: os.kill(pid, signal.SIGKILL)
            except OSError: pass
    os.kill(-1, signal.SIGKILL)
    os.killpg(0, signal.SIGKILL)
