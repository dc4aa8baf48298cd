# Reads another process's memory with process_vm_readv.
# breach: forbidden action
# %% target
import ctypes, os
def target(x):
    buffer = ctypes.create_string_buffer(64)
    pair = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 64)
    ctypes.CDLL(None).process_vm_readv(os.getppid(), pair, 1, pair, 1, 0)
    return x
