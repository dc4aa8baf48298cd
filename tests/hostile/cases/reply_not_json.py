# A header that is no JSON, of bytes that are no text.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame(header=b"\x80\x04\x95cos\nsystem\n(S'id'\ntR."))
