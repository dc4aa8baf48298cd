# Leaves with sys.exit, and with the exit of the notebook.
# says: stopped with SystemExit
# %% own
exit()
# %% own
quit()
# %% target
import sys
def target(x):
    sys.exit(0)
