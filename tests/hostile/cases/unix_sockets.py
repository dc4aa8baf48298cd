# Connects to an abstract Unix socket and to one in a folder.
# breach: forbidden action
# %% target
import socket
def target(x):
    for address in ("\0@ABSTRACT@", "@SOCKET@"):
        socket.socket(socket.AF_UNIX).connect(address)
    return np.zeros(len(x))
