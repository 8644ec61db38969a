#!/usr/bin/python3
"""Takes the vectors out of ledger/FORMATS.md, and shows that nothing damaged is believed.

`flips.py extract FORMATS.md DIR` writes each vector to DIR/NAME.bin and the genesis file to
DIR/genesis.json. The other modes print a line per test, and work in this one process because a
process for each of thousands of changes would take minutes:
`flips.py damage DIR` changes, shortens and lengthens every receipt and proof in DIR;
`flips.py genesis DIR` changes the genesis file.
"""
import copy
import json
import pathlib
import re
import sys

import verify_balance
import verify_evidence
import verify_receipt
from hansa_formats import Reader, Refused, u
from hansa_genesis import Genesis

RECEIPT_FIELDS = ("magic", "chain id", "epoch changes", "structure", "certificate", "headers",
                  "header of height [0-9]+", "transaction", "tx index", "Merkle path")
EVIDENCE_FIELDS = ("magic", "chain id", "epoch changes", "structure", "contradiction", "epoch",
                   "offender", "block", "transaction", "signature [12]")
PROOF_FIELDS = ("magic", "chain id", "epoch changes", "state table", "structure", "certificate",
                "key", "tree proof", "value")
P = 2**255 - 19
failed = False


def report(good, name, problem=""):
    global failed
    failed = failed or not good
    print(f"ok {name}" if good else f"not ok {name}: {problem}")


def extract(formats, directory):
    text = pathlib.Path(formats).read_text(encoding="utf-8")
    genesis = re.search(r"^```json genesis\n(.*?)^```$", text, re.M | re.S)[1]
    (pathlib.Path(directory) / "genesis.json").write_text(genesis)
    for block in re.findall(r"^```vectors\n(.*?)^```$", text, re.M | re.S):
        for name, lines in re.findall(r"^(\w+):\n((?: +[0-9a-f]+\n)*)", block, re.M):
            data = bytes.fromhex("".join(lines.split()))
            (pathlib.Path(directory) / f"{name}.bin").write_bytes(data)


def refusal(call, *arguments):
    """The field that the call blames, or None if it refuses nothing."""
    try:
        call(*arguments)
    except Refused as refused:
        return refused.field
    return None


def flips(data):
    """Every byte with each of its bits turned, and with all of them."""
    for at in range(len(data)):
        for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            yield at, data[:at] + bytes([data[at] ^ mask]) + data[at + 1:]


def vector_state(directory):
    """The (table, key) pairs of the vector state_entries, laid out as section 9 says."""
    reader = Reader((directory / "state_entries.bin").read_bytes(), "state_entries")
    pairs = set()
    while reader.at < len(reader.data):
        table, key = reader.number(1, "table"), reader.take(reader.number(2, "size"), "key")
        reader.take(reader.number(2, "size"), "value")
        pairs.add((table, key))
    return pairs


def says_something_true(data, changed, genesis, state):
    """A proof of absence holds for every key whose path ends at the same place, and its key is
    signed by nobody. With another key it may thus be good, if that key is absent as well."""
    before = verify_balance.examine(data, genesis)
    after = verify_balance.examine(changed, genesis)
    other_key = (after.table, after.key) != (before.table, before.key)
    rest = 8 + 32 + 2 + 1 + 2 + len(before.key)
    return (before.value is None and after.value is None and other_key
            and (after.table, after.key) not in state and data[rest:] == changed[rest:])


def damage(directory):
    genesis = Genesis((directory / "genesis.json").read_bytes())
    state = vector_state(directory)
    kinds = {"receipt": (verify_receipt.verify, RECEIPT_FIELDS, verify_balance.verify),
             "proof": (verify_balance.verify, PROOF_FIELDS, verify_evidence.verify),
             "evidence": (verify_evidence.verify, EVIDENCE_FIELDS, verify_receipt.verify)}
    files = {kind: sorted(directory.glob(f"{kind}_*.bin")) for kind in kinds}
    report(all(files.values()), "there are receipts, proofs and evidence to damage")
    for kind, path in [(kind, path) for kind in kinds for path in files[kind]]:
        is_proof = kind == "proof"
        verify, names, swap = kinds[kind]
        fields = re.compile("|".join(names))
        data, believed, true_ones = path.read_bytes(), [], 0
        for at, changed in flips(data):
            field = refusal(verify, changed, genesis)
            if field is None and is_proof and says_something_true(data, changed, genesis, state):
                true_ones += 1
            elif not (field and fields.fullmatch(field)):
                believed.append(at)
        report(not believed, f"{path.stem}: each bit and byte flipped is refused", believed)
        if true_ones:
            print(f"# {true_ones} flips in the key made a proof that another key is absent")
        sizes = [n for n in range(len(data)) if refusal(verify, data[:n], genesis) != (
            "magic" if n < 8 else "structure")]
        report(not sizes, f"{path.stem}: cut off at every length is refused", sizes)
        longer = [refusal(verify, data + tail, genesis) for tail in (b"\0", b"\xff", data)]
        report(longer == ["structure"] * 3, f"{path.stem}: bytes left over are refused", longer)
        report(refusal(swap, data, genesis) == "magic", f"{path.stem}: not taken for the other")
        others = {blamed_for(verify, data, other) for other in other_genesis(directory)}
        report(others == {"chain id"}, f"{path.stem}: another genesis is refused", others)


def encoded(genesis_value):
    return json.dumps(genesis_value).encode()


def blamed_for(verify, data, genesis_value):
    return refusal(verify, data, Genesis(encoded(genesis_value)))


def edited(value, *path_and_new):
    """A copy in which the thing at this path is new; with ... for the new one it is gone."""
    *path, last, new = path_and_new
    result = here = copy.deepcopy(value)
    for step in path:
        here = here[step]
    if new is ...:
        del here[last]
    else:
        here[last] = new
    return result


def other_genesis(directory):
    """Good genesis files of other chains."""
    value = json.loads((directory / "genesis.json").read_bytes())
    yield edited(value, "chain", "example-2")
    yield edited(value, "members", value["members"][::-1])
    yield edited(value, "balances", 0, "amount", "25.51")
    yield edited(value, "reads", "participants")
    yield edited(value, "parameters", "read_ms", 1001)
    yield edited(value, "participants", 0, "role", "governor")


def same_genesis(value):
    """The same chain written otherwise: the order of lists, defaults spelled out."""
    yield value
    for name in ("participants", "balances", "assets"):
        yield edited(value, name, value[name][::-1])
    yield edited(value, "participants", 0, "keys", value["participants"][0]["keys"][::-1])
    yield edited(value, "participants", 0, "role", "none")
    yield edited(value, "reads", "open")
    yield edited(value, "parameters", "nonce_window", 64)


def strange_genesis(value):
    """Files of other chains that look odd and are good."""
    yield edited(value, "members", 0, "name", "bank")
    for new in ("-.-:1", "999.1.1.1:65535", "[::]:1", "[ABCD::ef]:1", "[::ffff:1.2.3.4]:1",
                "[1:2:3:4:5:6:7::]:1", "x" * 62 + ":1"):
        yield edited(value, "members", 0, "peer", new)
    yield edited(edited(value, "members", 0, "peer", "[::1]:1"), "members", 1, "peer", "[0::1]:1")
    for new in (2, 9, P - 2):
        yield edited(value, "members", 0, "link_key", u(32, new).hex())


def bad_genesis(value):
    """Files that section 3 refuses."""
    member, someone = value["members"][0], value["participants"][0]
    for name in ("hansa_genesis", "chain", "members", "participants"):
        yield edited(value, name, ...)
        yield edited(value, name, None)
    for name in ("assets", "balances", "reads", "parameters"):
        yield edited(value, name, None)
    for new in (0, 2, 1.0, True, "1"):
        yield edited(value, "hansa_genesis", new)
    for new in ("", "Upper", "x" * 33, "a b", "\ud800", "a\n"):
        yield edited(value, "chain", new)
    yield edited(value, "more", 1)
    yield edited(value, "members", value["members"][:3])
    yield edited(value, "members", 1, "name", member["name"])
    yield edited(value, "members", 1, "sign_key", member["sign_key"])
    yield edited(value, "members", 1, "link_key", member["sign_key"])
    yield edited(value, "participants", 1, "keys", 0, member["link_key"])
    for new in (P, P + 2, 2**255, 2**255 + 9):
        yield edited(value, "members", 0, "link_key", u(32, new).hex())
    for old, new in (("HOST:1", "host:1"), ("[::A]:1", "[::a]:1")):
        yield edited(edited(value, "members", 0, "peer", old), "members", 1, "client", new)
    yield edited(value, "members", 0, "sign_key", "00" * 32)
    yield edited(value, "members", 0, "sign_key", member["sign_key"].upper())
    for new in (member["client"], "host", "host:", ":1", "[::1:7101", "[::g]:1", "h o:1",
                "x" * 60 + ":7101", "h:0", "h:65536", "h:07101", "h:+1", "h:1 ", "::1:1", "[]:1",
                "[1.2.3.4]:1", "[::1.2.3.04]:1", "[fe80::1%eth0]:1", "[1::2:3:4:5:6:7:8]:1"):
        yield edited(value, "members", 0, "peer", new)
    yield edited(value, "participants", 0, "role", "owner")
    yield edited(value, "participants", 0, "keys", [])
    yield edited(value, "participants", [someone, someone])
    yield edited(value, "assets", 0, "issuer", "nobody")
    yield edited(value, "assets", 0, "decimals", 9)
    yield edited(value, "assets", value["assets"] * 2)
    yield edited(value, "balances", value["balances"] * 2)
    yield edited(value, "balances", 0, "account", "cafe")
    yield edited(value, "balances", 0, "account", "alpha/till")
    for new in ("25.5", "25", "+25.50", "025.50", ".50", "0.00", "1e2", "25.50 ", 25.5,
                "184467440737095516.16", "184467440737095516.15"):
        yield edited(value, "balances", 0, "amount", new)
    yield edited(value, "reads", "closed")
    for name, new in (("pipeline_heights", 0), ("pipeline_heights", 3), ("window_heights", 7),
                      ("checkpoint_every_heights", 5), ("read_ms", 1.5), ("nonce_window", 65)):
        changes = {name: new, "pool_txs_max": 64}
        yield edited(value, "parameters", {**value["parameters"], **changes})


def genesis_tests(directory):
    file = (directory / "genesis.json").read_bytes()
    value, chain_id = json.loads(file), (directory / "chain_id.bin").read_bytes()
    report(Genesis(file).chain_id == chain_id, "genesis: the chain id")
    files = [encoded(same) for same in same_genesis(value)]
    files += [file.ljust(33554432), b"\n\t\r " + file, file.replace(b"example", b"ex\\u0061mple"),
              file.replace(b"chain", b"\\u0063hain", 1), file.replace(b"cafe/", b"cafe\\/")]
    ids = {Genesis(same).chain_id for same in files}
    report(ids == {chain_id}, "genesis: written otherwise it has the same chain id")
    taken = [odd for odd in strange_genesis(value) if refusal(Genesis, encoded(odd)) is not None]
    report(not taken, "genesis: odd names, addresses and link keys are good", taken)
    weak = (directory / "link_keys_small_order.bin").read_bytes()
    files = [encoded(edited(value, "members", 0, "link_key", weak[i:i + 32].hex()))
             for i in range(0, len(weak), 32)]
    files += [encoded(bad) for bad in bad_genesis(value)]
    files += [b"", b"[]", b"\xff", b"\xef\xbb\xbf" + file, file + b"x", b"[" * 100000,
              file.decode().encode("utf-16"), file + file, file + b"\0", file.ljust(33554433),
              *(file.replace(b'"hansa_genesis": 1', b'"hansa_genesis": ' + new)
                for new in (b"1.0", b"1e0", b"01", b"+1", b"NaN", b"\v1", b"1,")),
              file.replace(b"example", b"exam\\u0000ple"), file.replace(b"example", b"exam\0ple"),
              file.replace(b'"chain"', b'"chain": "example", "\\u0063hain"', 1),
              file.replace(b'"chain"', b'"chain": "example", "chain"', 1)]
    taken = [bad for bad in files if refusal(Genesis, bad) != "genesis"]
    report(not taken, f"genesis: {len(files)} bad files are refused", taken)


if __name__ == "__main__":
    if sys.argv[1] == "extract":
        extract(*sys.argv[2:])
    else:
        {"damage": damage, "genesis": genesis_tests}[sys.argv[1]](pathlib.Path(sys.argv[2]))
    sys.exit(failed)
