# Looks a name up.
# says: .
# %% target
import socket
def target(x):
    socket.getaddrinfo("canary.invalid", @PORT@)
    return np.zeros(len(x))
