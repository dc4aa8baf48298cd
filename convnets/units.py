"""Numbers with units, for people."""


def readable_bytes(number):
    """61_234_567 -> "61.2 MB" (powers of 1000)."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} B"
