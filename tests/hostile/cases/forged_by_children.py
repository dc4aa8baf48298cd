# Starts children that hold the socket and write into it when the next exercise is asked.
# include: forge
# breach: crash
# %% target
def target(x):
    import time
    told, sock = frame({"end": 0}), work()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for _ in range(200):
                sock.sendall(told)
                time.sleep(0.01)
        os._exit(0)
    time.sleep(0.05)
    os._exit(0)
