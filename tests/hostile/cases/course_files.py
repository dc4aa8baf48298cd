# Walks the whole file system for solutions, gradebook, secret, hidden tests and other people's work.
# unit: 04_patient_walls
# says: .
# %% target
import os
def target(x):
    found = []
    for folder, folders, files in os.walk("/"):
        if os.path.basename(os.path.dirname(folder)) == "site-packages":
            folders.clear()  # libraries, which course_files_in_libraries walks
        for name in files:
            path = os.path.join(folder, name)
            if name.startswith((".course-secret", "hidden.npz", "gradebook", "exercises.py")) or "solutions" in path or "submitted" in path or "canary" in path:
                found.append(path)
    for path in ("@COURSE@", "@OUT@", "@HOME@", "@SUBMITTED@"):
        found += [path] if os.path.exists(path) else []
    if found:
        return np.zeros(len(x))
    open("@COURSE@/.course-secret").read()
