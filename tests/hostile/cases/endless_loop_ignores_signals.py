# Runs for ever, ignores SIGINT and SIGTERM and catches every exception.
# breach: time limit
# %% target
import signal
def target(x):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            while True: pass
        except BaseException:
            continue
