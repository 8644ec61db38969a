#!/usr/bin/python3
"""Makes receipts and proofs with the test keys of ledger/FORMATS.md, good ones and bad ones.

The bad ones carry good signatures, so they reach the checks that a damaged file never reaches.
`forged.py DIR`, DIR being what `flips.py extract` wrote; prints a line per test.
"""
import hashlib
import pathlib
import sys

from nacl.bindings import (crypto_core_ed25519_add, crypto_core_ed25519_scalar_add,
                           crypto_core_ed25519_scalar_mul, crypto_core_ed25519_scalar_reduce,
                           crypto_scalarmult_ed25519_base_noclamp)
from nacl.signing import SigningKey

import verify_balance
import verify_receipt
from flips import refusal
from hansa_formats import B, H, Reader, is_signed, tagged, text8, u
from hansa_genesis import Genesis

DIR = pathlib.Path(sys.argv[1])
GENESIS = Genesis((DIR / "genesis.json").read_bytes())
MEMBERS = ("alpha", "beta", "gamma", "delta")
problems = []


def signed(name, message):
    return SigningKey(H("hansa-test", name.encode())).sign(message).signature


def public(name):
    return SigningKey(H("hansa-test", name.encode())).verify_key.encode()


def certificate(kind, digest, height=1, epoch=0, root=b"", voters=(0, 1, 2)):
    tag = {1: "hansa-prepare", 2: "hansa-commit", 3: "hansa-checkpoint"}[kind]
    vote = u(8, epoch) + (b"" if root else u(8, 0)) + u(8, height) + digest + root
    message = tagged(tag, GENESIS.chain_id + vote)
    return u(1, kind) + vote + u(1, len(voters)) + b"".join(
        u(1, i) + signed(MEMBERS[i % 4], message) for i in voters)


def transaction(*operations, version=1, nonce=1, valid_until=0, count=None):
    count = len(operations) if count is None else count
    body = (u(1, version) + public("cafe") + u(8, nonce) + u(8, valid_until) + u(2, count)
            + b"".join(operations))
    txid = H("hansa-txid", GENESIS.chain_id + body)
    return body + signed("cafe", tagged("hansa-tx-sign", GENESIS.chain_id + txid))


def header(root, version=1, chain=GENESIS.chain_id, epoch=0, height=1, parent=bytes(32)):
    return (u(1, version) + chain + u(8, epoch) + u(8, height) + parent + root + u(4, 1)
            + u(4, 0) + u(8, 1) + u(2, 0))


def receipt(tx, index=0, path=(), commit=None, headers=None, **fields):
    headers = headers or [header(B(b"\0" + tx), **fields)]
    commit = commit or certificate(2, H("hansa-block", headers[-1]), len(headers))
    return (b"HANSARC1" + GENESIS.chain_id + u(2, 0) + u(4, len(tx)) + tx + u(4, index)
            + u(1, len(path)) + b"".join(path) + u(2, len(headers)) + b"".join(headers) + commit)


def expect(blamed, verify, data, what):
    got = refusal(verify, data, GENESIS)
    if got != blamed:
        problems.append(f"{what}: {got} instead of {blamed}")


def money(kind, *accounts, asset="EUR", amount=5, memo=b""):
    return (u(1, kind) + b"".join(map(text8, accounts)) + text8(asset) + u(8, amount)
            + u(1, len(memo)) + memo)


def record(topic="t", key="k", data=b""):
    return u(1, 4) + text8(topic) + text8(key) + u(4, len(data)) + data


def key_add(participant="cafe", consent_for="cafe", key=public("cafe 3")):
    message = tagged("hansa-key-add", GENESIS.chain_id + text8(consent_for) + key)
    return u(1, 5) + text8(participant) + key + signed("cafe 3", message)


def mixed_key_add():
    """A consent that is good under a key that is no valid point: the test key plus a point T of
    order 8. Its hash k is a multiple of 8, so that kT, by which the two would differ, is nothing."""
    T = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
    secret = bytearray(hashlib.sha512(H("hansa-test", b"cafe 3")).digest()[:32])
    secret[0] &= 248
    secret[31] = secret[31] & 63 | 64
    key = crypto_core_ed25519_add(public("cafe 3"), T)
    message = tagged("hansa-key-add", GENESIS.chain_id + text8("cafe") + key)
    for once in range(1, 1000):
        R = crypto_scalarmult_ed25519_base_noclamp(u(32, once))
        k = crypto_core_ed25519_scalar_reduce(hashlib.sha512(R + key + message).digest())
        if k[0] % 8 == 0:
            break
    product = crypto_core_ed25519_scalar_mul(k, bytes(secret))
    consent = R + crypto_core_ed25519_scalar_add(u(32, once), product)
    if not is_signed(key, message, consent):
        problems.append("the consent of a mixed key is not good, so it shows nothing")
    return u(1, 5) + text8("cafe") + key + consent


def transactions():
    good = [(money(1, "a/B._-", "b/c", memo="déjà \u2028".encode()),), (money(2, "a/b"),),
            (money(3, "a/b", asset="XYZ"),), (record(data=bytes(32768)),), (key_add(),),
            (u(1, 6) + public("bank"),), (u(1, 6) + bytes(32),), (u(1, 6) + b"\xff" * 32,),
            (u(1, 7),), (record(),) * 1000]
    bad = [(), (record(),) * 1001, (money(1, "a/b", "a/b"),), (money(1, "a", "b/c"),),
           (money(2, "A/b"),), (money(2, "a/b", amount=0),), (money(2, "a/b", asset="eur"),),
           (money(2, "a/b", memo=b"\x1f"),), (money(2, "a/b", memo=b"\xc2\x80"),),
           (money(2, "a/b", memo=b"\xed\xa0\x80"),), (money(2, "a/b", memo=b"m" * 129),),
           (record(topic=""),), (record(topic="t" * 65),), (record(key="k" * 129),),
           (record(key=""),), (record(data=bytes(32769)),), (key_add(consent_for="bank"),),
           (key_add("Cafe", "Cafe"),), (key_add(key=bytes(32)),), (mixed_key_add(),),
           (u(1, 6) + bytes(31),), (u(1, 7), u(1, 7)), (u(1, 7), record()), (record() + b"\0",),
           (u(1, 0),), (u(1, 8),)]
    for number, operations in enumerate(good):
        expect(None, verify_receipt.verify, receipt(transaction(*operations)), f"good {number}")
    for number, operations in enumerate(bad):
        expect("transaction", verify_receipt.verify, receipt(transaction(*operations)),
               f"bad {number}")
    for tx in (transaction(record(), version=2), transaction(record(), count=2), b"", bytes(64),
               transaction(record(), nonce=0), transaction(record())[:-64] + signed("bank", b"")):
        expect("transaction", verify_receipt.verify, receipt(tx), tx)
    # What only the state could refuse, a receipt does not refuse.
    for late in (transaction(record(), valid_until=1), transaction(record(), nonce=2**64 - 1)):
        high = header(B(b"\0" + late), height=5)
        expect(None, verify_receipt.verify, receipt(late, headers=[high], commit=certificate(
            2, H("hansa-block", high), 5)), "only the state could tell")


def receipts():
    tx = transaction(record())
    one = header(B(b"\0" + tx))
    digest = H("hansa-block", one)
    for fields in ({"version": 2}, {"chain": bytes(32)}, {"epoch": 1}, {"height": 2}):
        expect("header of height 1", verify_receipt.verify, receipt(tx, **fields), fields)
    two = header(bytes(32), height=2, parent=digest)
    expect(None, verify_receipt.verify, receipt(tx, headers=[one, two]), "two headers")
    stray = header(bytes(32), height=2)
    expect("header of height 1", verify_receipt.verify, receipt(tx, headers=[one, stray]), "stray")
    expect("header of height 2", verify_receipt.verify, receipt(
        tx, headers=[one, two], commit=certificate(2, digest, 2)), "other digest")
    for height, headers in ((0, [one]), (1, [one, two])):
        expect("headers", verify_receipt.verify, receipt(tx, headers=headers, commit=certificate(
            2, H("hansa-block", headers[-1]), height)), "below height 1")
    expect("tx index", verify_receipt.verify, receipt(tx, index=1), "tx index")
    expect("Merkle path", verify_receipt.verify, receipt(tx, path=[bytes(32)]), "long path")
    for bad in ({"kind": 1}, {"epoch": 1}, {"voters": (0, 1)}, {"voters": (0, 1, 2, 3)},
                {"voters": (0, 0, 1)}, {"voters": (1, 0, 2)}, {"voters": (1, 2, 4)},
                {"voters": ()}, {"kind": 3, "root": bytes(32)}):
        expect("certificate", verify_receipt.verify, receipt(
            tx, commit=certificate(**{"kind": 2, "digest": digest, **bad})), bad)
    for voters in ((0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)):
        expect(None, verify_receipt.verify, receipt(
            tx, commit=certificate(2, digest, voters=voters)), voters)


def proof(table, key, tree, root):
    return (b"HANSAPF1" + GENESIS.chain_id + u(2, 0) + u(1, table) + u(2, len(key)) + key
            + u(4, len(tree)) + tree + certificate(3, bytes(32), 4, root=root))


def key_hash(table, key):
    return H("hansa-state-key", u(1, table) + key)


class Tree:
    """The whole tree of section 9, as nested lists of 16 with (key_hash, value) for leaves."""

    def __init__(self, entries):
        self.top = self.node([(key_hash(*where), value) for where, value in entries.items()], 0)
        self.root = self.hash(self.top)

    def node(self, leaves, depth):
        slots = [[leaf for leaf in leaves if int(leaf[0].hex()[depth], 16) == i]
                 for i in range(16)]
        return [self.node(s, depth + 1) if len(s) > 1 else s[0] if s else None for s in slots]

    def hash(self, thing):
        if isinstance(thing, tuple):
            return H("hansa-state-leaf", b"".join(thing))
        return H("hansa-state-node", self.children(thing) + self.hashes(thing))

    def children(self, node):
        return u(2, sum(1 << i for i in range(16) if node[i]))

    def hashes(self, node, without=16):
        return b"".join(self.hash(node[i]) for i in range(16) if node[i] and i != without)

    def proof(self, table, key):
        wanted, here, levels = key_hash(table, key), self.top, []
        while isinstance(here, list):
            slot = int(wanted.hex()[len(levels)], 16)
            levels.append(self.children(here) + self.hashes(here, slot))
            here = here[slot]
        end = b"\0"
        if here:
            other = b"\2" + here[0] if here[0] != wanted else b"\1"
            end = other + u(4, len(here[1])) + here[1]
        return u(1, len(levels)) + b"".join(levels) + end


def vector_entries():
    reader, entries = Reader((DIR / "state_entries.bin").read_bytes(), "state_entries"), {}
    while reader.at < len(reader.data):
        where = reader.number(1, "table"), reader.take(reader.number(2, "size"), "key")
        entries[where] = reader.take(reader.number(2, "size"), "value")
    return entries


def whole_state():
    entries = vector_entries()
    tree = Tree(entries)
    for (table, key), value in entries.items():
        data = proof(table, key, tree.proof(table, key), tree.root)
        expect(None, verify_balance.verify, data, (table, key))
        if verify_balance.examine(data, GENESIS).value != value:
            problems.append(f"{table} {key}: another value")
    if tree.root != (DIR / "state_root.bin").read_bytes():
        problems.append("the root of state_entries is not state_root")
    if Tree({}).root != (DIR / "state_root_empty.bin").read_bytes():
        problems.append("the root of no entries is not state_root_empty")
    if {table for table, _ in entries} != {1, 2, 3, 4, 5}:
        problems.append("not every table is there")


def crowded_tree():
    entries = {(4, f"a/{i}\0EUR".encode()): u(8, i) + u(8, 1) for i in range(300)}
    tree = Tree(entries)
    for i in range(600):
        key = f"a/{i}\0EUR".encode()
        data = proof(4, key, tree.proof(4, key), tree.root)
        expect(None, verify_balance.verify, data, key)
        if verify_balance.examine(data, GENESIS).value != entries.get((4, key)):
            problems.append(f"{key}: another value")
    present = tree.proof(4, b"a/1\0EUR")
    expect("tree proof", verify_balance.verify, proof(4, b"a/2\0EUR", present, tree.root), "swap")


def alone(table, key, value, blamed):
    """A state with this one entry only."""
    tree = Tree({(table, key): value})
    expect(blamed, verify_balance.verify, proof(table, key, tree.proof(table, key), tree.root),
           (table, key, value))


def other_entries():
    """End 2 with the very entry that is asked for, and with one that hangs where it must not."""
    key, value = b"a/b\0EUR", u(8, 3) + u(8, 1)
    wanted = key_hash(4, key)
    strange = bytes([wanted[0] ^ 0x10]) + wanted[1:]
    for other in (wanted, strange):
        leaf = H("hansa-state-leaf", other + value)
        children = u(2, 1 << (wanted[0] >> 4))
        root = H("hansa-state-node", children + leaf)
        end = b"\2" + other + u(4, len(value)) + value
        expect("tree proof", verify_balance.verify, proof(4, key, b"\1" + children + end, root),
               other.hex())


def broken_paths():
    """Ends that the levels do not lead to: above all, entries invented out of nothing."""
    key, value = b"a/b\0EUR", u(8, 3) + u(8, 1)
    first, second = key_hash(4, key)[0] >> 4, key_hash(4, key)[0] & 15
    present = b"\1" + u(4, len(value)) + value
    absent_level, through = u(2, 1 << first ^ 0xffff) + bytes(15 * 32), u(2, 1 << first)
    top = H("hansa-state-node", u(2, 1 << first ^ 0xffff) + bytes(15 * 32))
    empty = H("hansa-state-node", u(2, 0))
    for root, levels, end in (
            (top, (absent_level,), present),
            (empty, (u(2, 0),), b"\2" + bytes(32) + present[1:]),
            (top, (absent_level, u(2, 1 << second)), present),
            (H("hansa-state-node", through), (through,), b"\0")):
        tree = u(1, len(levels)) + b"".join(levels) + end
        expect("tree proof", verify_balance.verify, proof(4, key, tree, root), tree.hex())


def entries():
    low, high = sorted((public("cafe"), public("bank")))
    record_key = text8("a") + text8("t") + text8("k")
    record_value = bytes(32) * 2 + u(4, 32768)
    good = [(1, b"a", b"\0\2" + low + high), (2, low, text8("a") + u(8, 3) + b"\1"),
            (3, b"EUR", b"\0" + text8("a") + u(8, 3)), (4, b"a/b\0XYZ", u(8, 3) + u(8, 1)),
            (5, record_key, u(8, 1) + record_value)]
    for table, key, value in good:
        alone(table, key, value, None)
        alone(table, key, value[:-1], "value")
        alone(table, key, value + b"\0", "value")
        alone(table, key + b"\0", value, "key")
        alone(table, b"", value, "key")
    for value in (b"\2\1" + low, b"\0\0", b"\0\2" + high + low, b"\0\2" + low + low,
                  b"\0\x09" + low * 9):
        alone(1, b"a", value, "value")
    alone(2, low, text8("a") + u(8, 3) + b"\2", "value")
    alone(2, low, text8("A") + u(8, 3) + b"\1", "value")
    alone(3, b"EUR", b"\x09" + text8("a") + u(8, 3), "value")
    alone(5, record_key, u(8, 0) + record_value, "value")
    alone(5, record_key, u(8, 1) + bytes(64) + u(4, 32769), "value")
    for table, key in ((1, b"A"), (3, b"EU"), (4, b"a/bEUR"), (4, b"a/b\0EUR\0"), (4, b"a\0EUR"),
                       (5, text8("a") + text8("") + text8("k"))):
        alone(table, key, bytes(16), "key")


if __name__ == "__main__":
    failed = False
    for test in (transactions, receipts, whole_state, crowded_tree, other_entries, broken_paths,
                 entries):
        problems.clear()
        test()
        failed = failed or bool(problems)
        name = f"made with the test keys: {test.__name__.replace('_', ' ')}"
        print(f"not ok {name}: {problems}" if problems else f"ok {name}")
    sys.exit(failed)
