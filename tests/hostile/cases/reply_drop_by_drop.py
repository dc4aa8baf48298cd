# An endless frame, one byte at a time.
# include: forge
# breach: time limit
# %% target
def target(x):
    import time
    sock = work()
    for byte in frame(header=b"{" + b" " * 900_000 + b"}"):
        sock.sendall(bytes([byte]))
        time.sleep(0.001)
