#!/usr/bin/python3
"""Verifies a receipt (section 10 of ledger/FORMATS.md): a transaction stands in a final block."""
import struct
import sys

from nacl.bindings import crypto_core_ed25519_is_valid_point as is_valid_point

from hansa_certificate import Certificate
from hansa_formats import B, H, Reader, begin, is_signed, main, need, quoted, tagged, text8
from hansa_genesis import Genesis


class Header:
    """A block's header (section 6); what a receipt does not need of it is left aside."""
    def __init__(self, raw):
        self.digest = H("hansa-block", raw)
        (self.version, self.chain_id, self.epoch, self.height, self.parent, self.tx_root,
         self.tx_count, _, _, _) = struct.unpack("<B32sQQ32s32sIIQH", raw)


def read_money(reader, genesis):
    asset = reader.text8("asset code")
    return genesis.money(reader.number(8, "amount", 1), asset)


def read_memo(reader):
    memo = reader.text8("memo")
    return f", memo {quoted(memo)}" if memo else ""


def transfer(reader, genesis):
    source, target = reader.text8("account"), reader.text8("account")
    need(source != target, reader.field, "a transfer from an account to itself")
    return f"transfer {read_money(reader, genesis)} from {source} to {target}{read_memo(reader)}"


def issue(reader, genesis):
    target = reader.text8("account")
    return f"issue {read_money(reader, genesis)} to {target}" + read_memo(reader)


def redeem(reader, genesis):
    source = reader.text8("account")
    return f"redeem {read_money(reader, genesis)} from {source}" + read_memo(reader)


def record(reader, _):
    topic, key = reader.text8("topic"), reader.text8("record key")
    data = reader.take(reader.number(4, "size of the data", 0, 32768), "data")
    return (f"record topic {quoted(topic)} key {quoted(key)} with {len(data)} bytes of data, "
            f"hash {H('hansa-record', data).hex()}")


def key_add(reader, genesis):
    name, key = reader.text8("name"), reader.take(32, "key")
    need(is_valid_point(key), reader.field, f"{key.hex()} is no good key")
    message = tagged("hansa-key-add", genesis.chain_id + text8(name) + key)
    consent = reader.take(64, "consent")
    need(is_signed(key, message, consent), reader.field, f"the consent of {key.hex()} is not good")
    return f"add key {key.hex()} to {name}"


def key_revoke(reader, _):
    return f"revoke key {reader.take(32, 'key').hex()}"


OPERATIONS = {1: transfer, 2: issue, 3: redeem, 4: record, 5: key_add, 6: key_revoke,
              7: lambda _, __: "cancel"}


def read_transaction(raw, genesis, needs_signature=True):
    """Its txid, and in words who signed what; it must be good by its bytes (section 4)."""
    need(len(raw) > 64, "transaction", "it is too short for a signature")
    body, signature = raw[:-64], raw[-64:]
    reader = Reader(body, "transaction")
    reader.number(1, "version", 1, 1)
    signer = reader.take(32, "signer")
    reader.number(8, "nonce", 1)
    reader.take(8, "valid_until")
    count, words = reader.number(2, "number of operations", 1, 1000), []
    for _ in range(count):
        kind = reader.number(1, "type of an operation", 1, 7)
        need(kind != 7 or count == 1, reader.field, "a cancel beside other operations")
        words.append(OPERATIONS[kind](reader, genesis))
    reader.end()
    txid = H("hansa-txid", genesis.chain_id + body)
    message = tagged("hansa-tx-sign", genesis.chain_id + txid)
    if needs_signature:
        need(is_signed(signer, message, signature), "transaction", "its signature is not good")
    return txid, f"signed by {signer.hex()}: {'; '.join(words)}"


def merkle_root(leaf, index, count, siblings):
    """The root that the path leads to, or None if it has the wrong length (section 5)."""
    fn, sn, r = index, count - 1, leaf
    for sibling in siblings:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            r = B(b"\1" + sibling + r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = B(b"\1" + r + sibling)
        fn, sn = fn >> 1, sn >> 1
    return r if sn == 0 else None


def check_headers(headers, certificate, genesis):
    """From the certified block down, each block is named by the digest in the one above."""
    need(len(headers) <= certificate.height, "headers", "they would reach below height 1")
    height, digest = certificate.height, certificate.digest
    for header in reversed(headers):
        field = f"header of height {height}"
        need(header.digest == digest, field, "its digest is not the one asked for")
        need(header.version == 1, field, f"its version is {header.version}")
        need(header.chain_id == genesis.chain_id, field, "it is of another chain")
        need(header.epoch == 0, field, f"its epoch is {header.epoch}")
        need(header.height == height, field, f"it says height {header.height}")
        height, digest = height - 1, header.parent


def verify(data, genesis):
    """Goes through the steps of section 10 and says in words what the receipt proves."""
    reader = begin(data, b"HANSARC1", genesis)
    raw = reader.take(reader.number(4, "size of the transaction", 0, 131072), "transaction")
    index = reader.number(4, "tx_index")
    siblings = [reader.take(32, "Merkle path")
                for _ in range(reader.number(1, "number of siblings", 0, 32))]
    headers = [Header(reader.take(131, "headers"))
               for _ in range(reader.number(2, "number of headers", 1, 1024))]
    certificate = Certificate(reader)
    reader.end()
    certificate.check(2, genesis)
    check_headers(headers, certificate, genesis)
    txid, words = read_transaction(raw, genesis)
    need(index < headers[0].tx_count, "tx index", f"the block has {headers[0].tx_count}")
    root = merkle_root(B(b"\0" + raw), index, headers[0].tx_count, siblings)
    need(root == headers[0].tx_root, "Merkle path", "it does not lead to the block's tx_root")
    return (f"proven: transaction {txid.hex()} stands in final block {headers[0].height} "
            f"at index {index}, {words}")


if __name__ == "__main__":
    sys.exit(main("verify_receipt.py RECEIPT GENESIS.json", verify, Genesis))
