"""Certificates (section 7 of ledger/FORMATS.md): the votes of a quorum of members."""
from hansa_formats import is_signed, need, tagged

VOTE_TAGS = {1: "hansa-prepare", 2: "hansa-commit", 3: "hansa-checkpoint"}


class Certificate:
    """`vote` is all that stands between the kind and the entries."""

    def __init__(self, reader):
        self.kind = reader.number(1, "kind of the certificate", 1, 3)
        start = reader.at
        self.epoch = reader.number(8, "certificate's epoch")
        if self.kind != 3:
            reader.take(8, "certificate's view")
        self.height = reader.number(8, "certificate's height")
        self.digest = reader.take(32, "certificate's digest")
        self.state_root = reader.take(32, "state root") if self.kind == 3 else None
        self.vote = reader.data[start:reader.at]
        count = reader.number(1, "certificate's number of entries", 0, 21)
        self.entries = [(reader.number(1, "member index"), reader.take(64, "member's signature"))
                        for _ in range(count)]

    def check(self, kind, genesis):
        """Refuses all but a good certificate of this kind and of epoch 0."""
        field, n = "certificate", len(genesis.sign_keys)
        need(self.kind == kind, field, f"it is of kind {self.kind}, not {kind}")
        quorum = (n + (n - 1) // 3 + 2) // 2
        need(len(self.entries) == quorum, field, f"{len(self.entries)} votes, not {quorum}")
        # All three kinds of vote sign tag and chain id and then what the certificate itself says.
        message = tagged(VOTE_TAGS[kind], genesis.chain_id + self.vote)
        last = -1
        for member, signature in self.entries:
            need(last < member < n, field, f"member {member} is out of range or out of order")
            good = is_signed(genesis.sign_keys[member], message, signature)
            need(good, field, f"the signature of member {member} is not good")
            last = member
        need(self.epoch == 0, field, f"it is of epoch {self.epoch}")
