# Fetches a page from the loopback address.
# says: .
# %% target
import urllib.request
def target(x):
    urllib.request.urlopen("http://127.0.0.1:@PORT@/canary", timeout=1).read()
    return np.zeros(len(x))
