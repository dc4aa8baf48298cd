# Claims an exabyte of arrays, so that the judge might reserve memory for it.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    header = json.dumps({"message": {"token": token()}, "arrays": [["<f8", [1 << 37, 1 << 20]]]}).encode()
    hand_over(frame(header=header, lengths=(len(header), 1 << 60)))
