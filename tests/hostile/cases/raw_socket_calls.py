# Makes the system calls itself, past Python: socket, connect, execve, open_by_handle_at.
# breach: forbidden action
# %% target
import ctypes
def target(x):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(41, 2, 1, 0) >= 0 or libc.syscall(41, 1, 1, 0) >= 0 or libc.syscall(59, b"/bin/sh", None, None) == 0:
        return np.zeros(len(x))
    libc.syscall(304, 0, 0, 0)
