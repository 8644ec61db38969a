#!/usr/bin/python3
"""A client of a node that shares no code with Hansa, and says what no tool of ours would.

    foreign_client.py GENESIS CHAIN_ID NODE request HEX...   each HEX as the inside of a sealed request
    foreign_client.py GENESIS CHAIN_ID NODE submit FILE...   the files as transactions, whatever
                                                             they hold, in one SUBMIT

Written from crypto/seal_client.h and node/proto.h. A line for each request, or transaction:

    version 1, type 4, ok, 180 bytes more
    pay.tx: rejected, bad_signature
"""
import json
import pathlib
import re
import socket
import struct
import sys

from nacl.bindings import (crypto_aead_chacha20poly1305_ietf_encrypt,
                           crypto_aead_xchacha20poly1305_ietf_decrypt, crypto_scalarmult,
                           crypto_scalarmult_base)
from nacl.utils import random

SOURCES = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCES / "tests" / "foreign"))
from hansa_formats import H, u  # noqa: E402

WAIT_MS = 30000
SECONDS_MAX = 60


def words(header, start):
    """The second column of an X list, in order."""
    text = (SOURCES / header).read_text().split(f"#define {start}(X)", 1)[1]
    return re.findall(r'X\(\w+, "(\w+)"', text.split("\nenum", 1)[0])


CODES = words("node/proto.h", "PROTO_STATUS_LIST")
OUTCOMES = words("node/proto.h", "PROTO_OUTCOME_LIST")
POOL_ANSWERS = words("node/pool.h", "POOL_ANSWER_LIST")
VERDICTS = words("ledger/verdict.h", "VERDICT_LIST")


class Node:
    def __init__(self, genesis, chain_id, index):
        member = json.load(open(genesis))["members"][index]
        link_key = bytes.fromhex(member["link_key"])
        secret = random(32)
        self.ephemeral = crypto_scalarmult_base(secret)
        root = H("hansa-seal-clnt", crypto_scalarmult(secret, link_key) + bytes.fromhex(chain_id) +
                 self.ephemeral + link_key)
        self.request_key = H("hansa-seal-key", root + b"\0")
        self.reply_key = H("hansa-seal-key", root + b"\1")
        self.counter = 0
        host, port = member["client"].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), SECONDS_MAX)
        self.socket.sendall(struct.pack(">4sHH", b"\0SP\0", 48, 0))  # REQ
        assert self.take(8) == struct.pack(">4sHH", b"\0SP\0", 49, 0)

    def take(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, "the node hung up"
            data += more
        return data

    def ask(self, message):
        self.counter += 1
        clear = b"\x03" + self.ephemeral + u(8, self.counter)
        sealed = clear + crypto_aead_chacha20poly1305_ietf_encrypt(
            message, clear, u(8, self.counter) + bytes(4), self.request_key)
        way = struct.pack(">I", 0x80000000 | self.counter)
        self.socket.sendall(struct.pack(">Q", len(way + sealed)) + way + sealed)
        reply = self.take(struct.unpack(">Q", self.take(8))[0])
        assert reply[:4] == way
        clear, sealed = reply[4:37], reply[37:]
        assert clear[:9] == b"\x04" + u(8, self.counter)
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, clear, clear[9:], self.reply_key)


def request(node, texts):
    for text in texts:
        reply = node.ask(bytes.fromhex(text))
        version, kind, code = reply[:3]
        print(f"version {version}, type {kind}, {CODES[code]}, {len(reply) - 3} bytes more")


def submit(node, paths):
    message = b"\1\1" + u(4, WAIT_MS) + u(1, len(paths))
    for path in paths:
        transaction = pathlib.Path(path).read_bytes()
        message += u(4, len(transaction)) + transaction
    reply = node.ask(message)
    if reply[2] != 0:
        print(f"version {reply[0]}, type {reply[1]}, {CODES[reply[2]]}, nothing more")
        return
    assert reply[:4] == b"\1\1\0" + u(1, len(paths))
    for i, path in enumerate(paths):
        result = reply[4 + 80 * i:84 + 80 * i]
        cause = VERDICTS[result[33]] if result[33] else POOL_ANSWERS[result[34]]
        print(f"{path}: {OUTCOMES[result[0]]}" + (f", {cause}" if result[0] else ""))


def main():
    genesis, chain_id, index, what = sys.argv[1:5]
    act = {"request": request, "submit": submit}[what]
    act(Node(genesis, chain_id, int(index)), sys.argv[5:])


main()
