# Patches the engine's own process: its wire, its answers and its socket.
# breach: malformed reply
# %% own
import sys
wire = sys.modules["autograder.inside.wire"]
student = sys.modules["autograder.inside.student"]
send = wire.send
def forged(sock, message, arrays=()):
    if message.get("case") is not None and message.get("raised") == "ZeroDivisionError":
        message = {"token": message["token"], "points": 4.0, "score": 4.0, "passed": True}
    send(sock, message, arrays)
wire.send = forged
# %% target
def target(x):
    return 1 / 0
