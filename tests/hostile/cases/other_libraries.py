# Looks for PyTorch, SciPy and their like in the NumPy sandbox, by import and on disk.
# unit: 04_patient_walls
# says: .
# %% target
import importlib, os, sys
def target(x):
    for name in ("torch", "torchvision", "scipy", "scipy.signal", "numba", "cv2", "skimage", "jax", "tensorflow", "pip"):
        try:
            importlib.import_module(name)
            return np.zeros_like(x)
        except ImportError:
            pass
    for folder, folders, files in os.walk("/"):
        if any(word in os.path.join(folder, name) for name in files + folders for word in ("libtorch", "/torch/", "/scipy/", "cv2.abi3", "libmkldnn", "libdnnl")):
            return np.zeros_like(x)
    raise LookupError("none")
