# Runs programs with %run, !, !!, %%bash and %pip.
# says: .
# %% own
!touch "@HOME@/shell"
!!touch "@HOME@/shell"
%pip install canary
!pip install canary
%conda install canary
open("mine.py", "w").write("score = 4.0")
%run mine.py
# %% own
%%bash
touch "@HOME@/shell"
# %% own
get_ipython().system_raw("touch @HOME@/shell")
# %% target
def target(x):
    raise LookupError("ran")
