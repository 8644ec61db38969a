#!/usr/bin/python3
"""Verifies evidence (section 12 of ledger/FORMATS.md): a member signed what no correct one signs."""
import sys

from hansa_certificate import VOTE_TAGS, Certificate
from hansa_formats import B, H, Reader, Refused, begin, is_signed, main, need, tagged, u
from hansa_genesis import Genesis
from verify_receipt import Header, read_transaction

KINDS = {1: "two-pre-prepares", 2: "two-prepares", 3: "two-commits", 4: "two-view-changes",
         5: "two-new-views", 6: "forgotten-commit", 7: "bad-body"}


def split(raw, what):
    """The (size, bytes) pieces of a block's body, or a refusal."""
    pieces = Reader(raw, what)
    result = []
    while pieces.at < len(raw):
        result.append(pieces.take(pieces.number(4, "size of a transaction"), "transaction"))
    return result


def tree(leaves):
    """The root of section 5, straight from its definition."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else B(b"")
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return B(b"\1" + tree(leaves[:k]) + tree(leaves[k:]))


class Evidence:
    def __init__(self, data, genesis):
        r = begin(data, b"HANSAEV1", genesis)
        self.kind = r.number(1, "kind", 1, 7)
        self.offender = r.number(1, "offender", 0, 30)
        self.epoch, self.view = r.number(8, "epoch"), r.number(8, "view")
        self.height = r.number(8, "height") if self.kind in (1, 2, 3, 6) else None
        {6: self.read_forgotten, 7: self.read_body}.get(self.kind, self.read_pair)(r)
        r.end()
        need(len(data) <= 1114153, r.field, "it is too long")

    def read_pair(self, r):
        digests = 64 if self.kind == 4 else 32
        self.parts = [(r.take(digests, "digests"), r.take(64, "signature")) for _ in range(2)]

    def read_forgotten(self, r):
        self.digest, self.signature = r.take(32, "digest"), r.take(64, "signature")
        self.to_view = r.number(8, "to_view")
        start, self.high = r.at, None
        if r.number(1, "has_high", 0, 1):
            self.high = Certificate(r)
            need(all(m < 31 for m, _ in self.high.entries), r.field, "a member is beyond 30")
        self.high_bytes = r.data[start:r.at]
        self.lc, self.second = r.take(32, "lc"), r.take(64, "signature")

    def read_body(self, r):
        self.signature, self.tx_index = r.take(64, "signature"), r.number(4, "tx_index")
        self.block = r.take(r.number(4, "size of the block"), "block")
        need(len(self.block) >= 131, r.field, "the block has no header")
        self.header = Header(self.block[:131])
        need(self.header.version == 1, r.field, f"the block's version is {self.header.version}")

    def check_contradiction(self):
        field = "contradiction"
        if self.kind <= 5:
            need(self.parts[0][0] < self.parts[1][0], field, "the parts are equal or turned round")
            need(self.kind < 4 or self.view >= 1, field, "nothing goes to view 0")
        if self.kind != 6:
            return
        need(self.to_view > self.view, field, "the VIEW-CHANGE may have come first")
        if self.high is None:
            return
        view = int.from_bytes(self.high.vote[8:16], "little")
        need(self.high.kind in (1, 2) and self.high.epoch == self.epoch and view < self.to_view,
             field, "no VIEW-CHANGE has such a certificate")
        need((view, self.high.height) < (self.view, self.height), field, "it was not forgotten")

    def check_block(self, genesis):
        h, body = self.header, self.block[131:]
        tx_count, body_bytes = [int.from_bytes(self.block[at:at + 4], "little") for at in (113, 117)]
        need(h.chain_id == genesis.chain_id and h.epoch == 0, "block", "of another chain or epoch")
        need(tx_count <= 1024 and len(body) <= genesis.block_bytes_max, "block", "it is too large")
        try:
            self.txs = split(body, "block")
        except Refused:
            raise Refused("block", "its body is not made of transactions") from None
        root = tree([B(b"\0" + tx) for tx in self.txs])
        need(body_bytes == len(body) and tx_count == len(self.txs) and root == h.tx_root, "block",
             "the transactions do not give its header")
        need(self.tx_index < tx_count, "transaction", f"the block has {tx_count}")

    def is_bad_tx(self, genesis):
        def txid(raw):
            try:
                return read_transaction(raw, genesis, False)[0]
            except Refused:
                return None
        raw = self.txs[self.tx_index]
        own = txid(raw)
        if own is None or own in [txid(tx) for tx in self.txs[:self.tx_index]]:
            return True
        try:
            read_transaction(raw, genesis)
        except Refused:
            return True
        return False

    def statements(self, genesis):
        """What is signed, and the signatures on it."""
        place = genesis.chain_id + u(8, self.epoch)
        named = place + u(1, self.offender)
        if self.kind == 7:
            yield (tagged("hansa-preprepare", place + u(8, self.view) + u(8, self.header.height)
                          + self.header.digest), self.signature)
        elif self.kind == 6:
            yield (tagged(VOTE_TAGS[2], place + u(8, self.view) + u(8, self.height) + self.digest),
                   self.signature)
            high = H("hansa-view-high", self.high_bytes)
            yield (tagged("hansa-viewchange", named + u(8, self.to_view) + high + self.lc),
                   self.second)
        else:
            tag = {1: "hansa-preprepare", 2: VOTE_TAGS[1], 3: VOTE_TAGS[2], 4: "hansa-viewchange",
                   5: "hansa-new-view"}[self.kind]
            start = (named + u(8, self.view) if self.kind >= 4
                     else place + u(8, self.view) + u(8, self.height))
            for digests, signature in self.parts:
                yield tagged(tag, start + digests), signature


def verify(data, genesis):
    """Goes through the steps of section 12 and says in words what the evidence proves."""
    e = Evidence(data, genesis)
    e.check_contradiction()
    need(e.epoch == 0, "epoch", f"it is {e.epoch}")
    need(e.offender < len(genesis.sign_keys), "offender", f"there is no member {e.offender}")
    if e.kind == 7:
        e.check_block(genesis)
    for number, (message, signature) in enumerate(e.statements(genesis), 1):
        need(is_signed(genesis.sign_keys[e.offender], message, signature), f"signature {number}",
             "it is not the offender's on this")
    if e.kind == 7:
        need(e.is_bad_tx(genesis), "transaction", "nothing is wrong with it")
    return f"proven: member {e.offender} lied: {KINDS[e.kind]} in view {e.view}"


if __name__ == "__main__":
    sys.exit(main("verify_evidence.py EVIDENCE GENESIS.json", verify, Genesis))
