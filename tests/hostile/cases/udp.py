# Sends a datagram, made like a name look-up, to a server on the loopback address.
# breach: forbidden action
# %% target
import socket
def target(x):
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06canary\x07invalid\x00\x00\x01\x00\x01"
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(query, ("127.0.0.1", @PORT@))
