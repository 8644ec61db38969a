#!/usr/bin/python3
"""Strangers at a node's ports: bytes that no honest program sends, over plain TCP.

    strangers.py WHAT KIND PORT [COUNT]

KIND is peer or client, the port's. COUNT connections, 1 if none is given, do WHAT:

    noise      write what is no greeting of nanomsg
    other      greet as a socket of a kind that does not belong there
    huge       announce a frame of 2^63 bytes
    above      announce a frame of one byte more than the port takes
    frames     send ten frames each that are no requests or messages: some empty, some of the limit
    silent     say nothing
    greeting   stop in the middle of the greeting
    announced  announce a frame as long as the port takes, and send nothing of it
    half       send the first half of it

The first four end well (exit 0) if the node hangs up on each. `frames` ends when all is written.
The others print `held`, and hold their connections until their standard input ends.
"""
import os
import resource
import socket
import struct
import sys

MESSAGE_BYTES_MAX = 1024 * 1024 + 64 * 1024  # net/limits.h
LIMITS = {"peer": MESSAGE_BYTES_MAX + 33, "client": MESSAGE_BYTES_MAX + 57 + 4}
NUMBERS = {"peer": 80, "client": 48}  # PUSH, REQ: what belongs at the other end
SECONDS_MAX = 60


def greeting(number):
    return struct.pack(">4sHH", b"\0SP\0", number, 0)


def announcement(size):
    return struct.pack(">Q", size)


def opening(what, kind):
    """The bytes that a connection begins with."""
    limit = LIMITS[kind]
    greeted = greeting(NUMBERS[kind])
    return {
        "noise": b"GET / HTTP/1.1\r\nHost: ledger\r\n\r\n" * 100,
        "other": greeting(16),  # PAIR
        "huge": greeted + announcement(2**63),
        "above": greeted + announcement(limit + 1),
        "frames": greeted,
        "silent": b"",
        "greeting": greeted[:3],
        "announced": greeted + announcement(limit),
        "half": greeted + announcement(limit) + b"\x80\0\0\1" + b"x" * (limit // 2),
    }[what]


def is_hung_up_on(connection):
    try:
        while connection.recv(4096):
            pass
    except socket.timeout:
        return False
    except OSError:
        pass
    return True


def send_frames(connection, kind):
    limit = LIMITS[kind]
    first = os.urandom(limit)
    for size in (0, 1, 3, 4, 5, 8, 56, 199, 65536, limit):
        connection.sendall(announcement(size) + first[:size])
    for type_number in range(5):  # the right type, and nothing right behind it
        frame = b"\x80\0\0\1" * (kind == "client") + bytes([type_number]) + first[:300]
        connection.sendall(announcement(len(frame)) + frame)


def main():
    what, kind, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    start = opening(what, kind)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), SECONDS_MAX)
        connections.append(connection)
        try:
            connection.sendall(start)
            if what == "frames":
                send_frames(connection, kind)
        except ConnectionError:  # hung up on already
            pass
        except socket.timeout:  # nobody took it: the node accepts no more
            pass
    if what in ("noise", "other", "huge", "above"):
        stayed = sum(not is_hung_up_on(c) for c in connections)
        if stayed > 0:
            sys.exit(f"{stayed} of {count} connections were not ended")
    elif what != "frames":
        print("held", flush=True)
        sys.stdin.read()


main()
