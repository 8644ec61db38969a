#!/usr/bin/python3
"""Verifies a state proof (section 11 of ledger/FORMATS.md): what the state had for a key."""
import collections
import sys

from hansa_certificate import Certificate
from hansa_formats import H, Reader, as_text, begin, decimal, main, need, quoted, u
from hansa_genesis import Genesis


# What a good proof shows: the value of (table, key), None if it is absent.
Proven = collections.namedtuple("Proven", "table key value words")


# The keys of the five tables (section 8): each function reads one and says in words what it names.
def participant_key(key):
    return f"participant {as_text(key, 'name', 'key')}"


def key_key(key):
    need(len(key) == 32, "key", f"a public key of {len(key)} bytes")
    return f"key {key.hex()}"


def asset_key(key):
    return f"asset {as_text(key, 'asset code', 'key')}"


def balance_parts(key):
    account, separator, asset = key.partition(b"\0")
    need(separator, "key", "no byte 0 between account and asset")
    return as_text(account, "account", "key"), as_text(asset, "asset code", "key")


def balance_key(key):
    return "account {} in {}".format(*balance_parts(key))


def record_key(key):
    reader = Reader(key, "key")
    name, topic, record = (reader.text8(kind) for kind in ("name", "topic", "record key"))
    reader.end()
    return f"record of {name}, topic {quoted(topic)} key {quoted(record)}"


# The values of the five tables: each function takes one off the reader and says it in words.
def participant_value(reader, _, __):
    role = ("none", "governor")[reader.number(1, "role", 0, 1)]
    count = reader.number(1, "number of keys", 1, 8)
    keys = [reader.take(32, "keys") for _ in range(count)]
    need(keys == sorted(set(keys)), "value", "the keys are not ascending")
    return f"role {role}, active keys {' '.join(key.hex() for key in keys)}"


def key_value(reader, _, __):
    name, nonce = reader.text8("name"), reader.number(8, "nonce")
    state = ("active", "revoked")[reader.number(1, "revoked flag", 0, 1)]
    return f"{state} key of {name}, last nonce {nonce}"


def asset_value(reader, _, __):
    decimals = reader.number(1, "decimals", 0, 8)
    issuer, supply = reader.text8("name"), reader.number(8, "supply")
    return f"supply {decimal(supply, decimals)}, {decimals} decimals, issuer {issuer}"


def balance_value(reader, key, genesis):
    amount, entries = reader.number(8, "amount"), reader.number(8, "number of entries")
    return f"{genesis.money(amount, balance_parts(key)[1])} after {entries} entries"


def record_value(reader, _, __):
    version = reader.number(8, "version", 1)
    txid, data_hash = reader.take(32, "txid"), reader.take(32, "data hash")
    size = reader.number(4, "size of the data", 0, 32768)
    return f"version {version} by {txid.hex()}, {size} bytes of data, hash {data_hash.hex()}"


TABLES = {1: (participant_key, participant_value), 2: (key_key, key_value),
          3: (asset_key, asset_value), 4: (balance_key, balance_value),
          5: (record_key, record_value)}


def read_level(reader, nibble):
    """The children, whether the one on the path is among them, and the hashes of the others."""
    children = reader.number(2, "children")
    on_path = children >> nibble & 1
    others = bin(children).count("1") - on_path
    return children, on_path, [reader.take(32, "hashes") for _ in range(others)]


def check_tree_proof(proof, table, key, state_root):
    """The value that the state root has for the key, or None (section 9)."""
    key_hash = H("hansa-state-key", u(1, table) + key)
    nibbles = [int(digit, 16) for digit in key_hash.hex()]
    reader = Reader(proof, "tree proof")
    depth = reader.number(1, "number of levels", 1, 64)
    levels = [read_level(reader, nibble) for nibble in nibbles[:depth]]
    end = reader.number(1, "end", 0, 2)
    leaf_key = reader.take(32, "other entry's key_hash") if end == 2 else key_hash
    value = reader.take(reader.number(4, "size of the value", 0, 512), "value") if end else None
    reader.end()
    need([level[1] for level in levels] == [1] * (depth - 1) + [int(end > 0)], reader.field,
         "the path breaks off elsewhere")
    if end == 2:
        need(leaf_key != key_hash, reader.field, "the other entry is the one asked for")
        need(leaf_key.hex()[:depth] == key_hash.hex()[:depth], reader.field, "it hangs elsewhere")
    h = H("hansa-state-leaf", leaf_key + value) if end else None
    for nibble, (children, on_path, hashes) in reversed(list(zip(nibbles, levels))):
        place = bin(children & ((1 << nibble) - 1)).count("1")
        hashes[place:place] = [h] * on_path
        h = H("hansa-state-node", u(2, children) + b"".join(hashes))
    need(h == state_root, reader.field, "it does not lead to the state root")
    return value if end == 1 else None


def in_words(table, key, value, genesis):
    """What the value says; a balance that is not there is 0 (section 8)."""
    if value is None:
        return "absent" + (f", so {genesis.money(0, balance_parts(key)[1])}" if table == 4 else "")
    reader = Reader(value, "value")
    words = TABLES[table][1](reader, key, genesis)
    reader.end()
    return words


def examine(data, genesis):
    """Goes through the steps of section 11."""
    reader = begin(data, b"HANSAPF1", genesis)
    table, key_bytes = reader.number(1, "table"), reader.number(2, "size of the key")
    need(table in TABLES, "state table", f"there is no table {table}")
    need(key_bytes <= 256, reader.field, f"the size of the key is {key_bytes}")
    key = reader.take(key_bytes, "key")
    proof = reader.take(reader.number(4, "size of the tree proof", 0, 31398), "tree proof")
    certificate = Certificate(reader)
    reader.end()
    certificate.check(3, genesis)
    subject = TABLES[table][0](key)
    value = check_tree_proof(proof, table, key, certificate.state_root)
    words = (f"proven: after block {certificate.height}, {subject}: "
             f"{in_words(table, key, value, genesis)}; state root {certificate.state_root.hex()}")
    return Proven(table, key, value, words)


def verify(data, genesis):
    return examine(data, genesis).words


if __name__ == "__main__":
    sys.exit(main("verify_balance.py PROOF GENESIS.json", verify, Genesis))
