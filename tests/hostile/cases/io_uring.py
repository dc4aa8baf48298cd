# Asks for an io_uring, which would go round the filter of system calls.
# breach: forbidden action
# %% target
import ctypes
def target(x):
    ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(120))
