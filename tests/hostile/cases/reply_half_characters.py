# Error texts of halves of characters, terminal codes, zero bytes and right-to-left marks, which files and terminals cannot hold.
# says: stopped with
# %% target
class Ugly(Exception): pass
Ugly.__name__ = "Ug<script>alert(1)</script>\x1b[2J"
def target(x):
    raise Ugly("\ud800 \udfff \x00\x1b]0;owned\x07\x1b[2J\u202e<img src=x onerror=alert(1)>{{7*7}}{% raw %}")
