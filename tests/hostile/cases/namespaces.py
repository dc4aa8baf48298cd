# Makes a user namespace of its own to get privileges back, and mounts.
# breach: forbidden action
# %% target
import ctypes, os
def target(x):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) == 0 or libc.mount(b"proc", b"/tmp", b"proc", 0, None) == 0 or libc.syscall(56, 0x10000011, 0, 0, 0, 0) > 0:
        return np.zeros(len(x))
    os.chroot("/")
