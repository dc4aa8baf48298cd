# Connects to a server on the loopback address.
# breach: forbidden action
# says: network
# %% target
import socket
def target(x):
    socket.create_connection(("127.0.0.1", @PORT@), timeout=1).sendall(b"hello")
    return np.zeros(len(x))
