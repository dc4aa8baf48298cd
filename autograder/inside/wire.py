"""Frames between judge and sandbox: JSON and raw arrays over a socket, no pickle.

A frame is two lengths, a JSON header and the arrays' bytes: `{"message": …, "arrays": [[dtype, shape], …]}`. The receiving side checks
every number against its limits before it reserves memory for it.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LENGTHS = struct.Struct("<IQ")
HEADER_LIMIT = 8 << 20
REPLY_HEADER_LIMIT = 1 << 20
KINDS = frozenset({"|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8", "<c8", "<c16"})
SIZES = {kind: np.dtype(kind).itemsize for kind in KINDS}
MOST_ARRAYS = 4096
MOST_AXES = 16
LARGEST = 1 << 48
CHUNK = 1 << 16


class Malformed(Exception):
    """A frame that is not one; the message says what is wrong with it."""


class Closed(Exception):
    """The other side is gone."""


class Late(Exception):
    """Nothing came before the deadline."""


@dataclass(frozen=True)
class Prepared:
    """A frame that is ready to be sent, again and again: its message and the list of its arrays as JSON, and the arrays' bytes."""

    message: str
    listed: str
    parts: tuple[memoryview, ...]


def prepare(message: dict, arrays: Sequence[np.ndarray] = ()) -> Prepared:
    arrays = [np.asarray(array).astype(array.dtype.newbyteorder("<"), copy=False) for array in arrays]
    listed = [[array.dtype.str, list(array.shape)] for array in arrays]
    parts = tuple(memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8)) for array in arrays if array.nbytes)
    return Prepared(json.dumps(message), json.dumps(listed), parts)


def send(sock: socket.socket, message: dict, arrays: Sequence[np.ndarray] = ()) -> None:
    """Send one frame. Raises Closed when nobody reads."""
    send_prepared(sock, prepare({}, arrays), message)


def send_prepared(sock: socket.socket, frame: Prepared, besides: dict) -> None:
    """Send a prepared frame with these entries added to its message. Raises Closed when nobody reads."""
    message = json.dumps(besides) if frame.message == "{}" else f"{json.dumps(besides)[:-1]}{', ' if besides else ''}{frame.message[1:]}"
    header = f'{{"message": {message}, "arrays": {frame.listed}}}'.encode()
    size = sum(part.nbytes for part in frame.parts)
    first = LENGTHS.pack(len(header), size) + header
    try:
        if size <= CHUNK:
            sock.sendall(b"".join((first, *frame.parts)))
            return
        sock.sendall(first)
        for part in frame.parts:
            sock.sendall(part)
    except (BrokenPipeError, ConnectionError) as error:
        raise Closed from error


class Receiver:
    """Reads frames from a socket. while_waiting: called with the seconds to wait; returns once the socket may have something. longest: bytes of a header."""

    def __init__(self, sock: socket.socket, while_waiting=None, longest: int = HEADER_LIMIT):
        self.sock = sock
        self.while_waiting = while_waiting
        self.longest = longest
        self.ahead = bytearray()

    def frame(self, deadline: float | None = None, limit: int = 1 << 40) -> tuple[dict, list[np.ndarray]]:
        """(message, arrays) of the next frame.

        deadline: on `time.monotonic`'s clock. limit: the most bytes that its arrays may hold. Raises Malformed, Closed or Late.
        """
        header_size, size = LENGTHS.unpack(self.exactly(LENGTHS.size, deadline))
        if header_size > self.longest:
            raise Malformed(f"a header of {header_size} bytes")
        if size > limit:
            raise Malformed(f"a reply of {size} bytes; at most {limit} are allowed")
        message, kinds = parse_header(self.exactly(header_size, deadline), size)
        arrays = [np.frombuffer(self.exactly(count, deadline), kind).reshape(shape) for kind, shape, count in kinds]
        return message, arrays

    def exactly(self, count: int, deadline: float | None) -> bytearray:
        """The next `count` bytes. What a read brings beyond them is kept for the next call."""
        while len(self.ahead) < count <= CHUNK:
            self.wait(deadline)
            self.ahead += self.received(self.sock.recv, CHUNK)
        buffer = self.ahead[:count]
        del self.ahead[:count]
        if len(buffer) < count:
            at = len(buffer)
            buffer.extend(bytes(count - at))
            view = memoryview(buffer)
            while at < count:
                self.wait(deadline)
                at += self.received(self.sock.recv_into, view[at:])
        return buffer

    def wait(self, deadline: float | None) -> None:
        while self.while_waiting:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise Late
            if self.while_waiting(left):
                return

    def received(self, read, argument):
        try:
            got = read(argument)
        except ConnectionError as error:
            raise Closed from error
        if not got:
            raise Closed
        return got


def parse_header(text: bytes | bytearray, size: int) -> tuple[dict, list[tuple[str, tuple[int, ...], int]]]:
    """(message, [(dtype, shape, bytes)]) of a header whose arrays hold `size` bytes. Raises Malformed."""
    try:
        header = json.loads(text.decode())
        message, listed = header["message"], header["arrays"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise Malformed("a header that is not JSON") from error
    if not isinstance(message, dict) or not isinstance(listed, list) or len(listed) > MOST_ARRAYS:
        raise Malformed("a header of the wrong form")
    kinds = []
    for entry in listed:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and entry[0] in KINDS):
            raise Malformed("an array of an unknown kind")
        kind, shape = entry
        if not isinstance(shape, list) or len(shape) > MOST_AXES or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
            raise Malformed("an array of an impossible shape")
        if math.prod(shape) > LARGEST or (0 in shape and math.prod(max(n, 1) for n in shape) > LARGEST):
            raise Malformed("an array of an impossible shape")
        kinds.append((kind, tuple(shape), math.prod(shape) * SIZES[kind]))
    if sum(count for _, _, count in kinds) != size:
        raise Malformed("arrays that do not fill their bytes")
    return message, kinds
