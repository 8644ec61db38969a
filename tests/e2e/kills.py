"""What kills.sh computes: its random plan, and what the ledgers must hold. Each check prints what is
wrong; nothing is all well.

    kills.py plan SEED ROWS                       one line a round: what happens when
    kills.py paid CSV JOURNAL EXPORT...           every row exactly once, in each ledger
    kills.py kept JOURNAL SEEN... -- EXPORT...    what a journal once showed as committed is there
    kills.py balances CSV ACCOUNTS...             accounts hold what the rows sum to
    kills.py history CSV HISTORY                  an account's history is its rows
"""
import collections
import decimal
import json
import random
import struct
import sys

ROUNDS = 10
MEMBERS = ["alpha", "beta", "gamma", "delta"]
COMMITTED = 4  # tools/hansa/journal.h


def plan(seed, rows):
    """number, rows to wait for, who, seconds: before the kill, down, until it is hit again (- no), and
    what is done to the importing tool: no, with the nodes, behind them. The primary stays down until
    payments go on without it, and is not hit again."""
    choose = random.Random(int(seed))
    who = ["all"] * 4 + ["primary"] * 3 + choose.sample(MEMBERS, 3)
    choose.shuffle(who)
    tools = ["no"] * 6 + ["with", "with", "behind", "behind"]
    choose.shuffle(tools)
    for i in range(ROUNDS):
        at = int(int(rows) * 0.9 * (i + choose.random()) / ROUNDS)
        before = choose.randrange(0, 80) / 1000
        down = choose.randrange(0, 300) / 1000
        again = choose.randrange(10, 500) / 1000 if choose.random() < 0.4 else "-"
        if who[i] == "primary":
            again = "-"
        print(i + 1, at, who[i], before, down, again, tools[i])


def csv_rows(path):
    lines = open(path).read().split("\n")
    names = lines[0].split(",")
    return [dict(zip(names, line.split(","))) for line in lines[1:] if line]


def row_key(row):
    return ("home/" + row["account_from"], row["bank_to"].lower() + "/" + row["account_to"],
            decimal.Decimal(row["amount"]), row["purpose"] + " " + row["order_id"])


def journal_committed(path):
    """Batch (a row here) -> (txid, height), for each COMMITTED record before a torn tail."""
    data = open(path, "rb").read()
    assert data[:8] == b"HANSAIJ1", path
    found, at = collections.defaultdict(list), 8
    while at + 20 <= len(data):
        size = struct.unpack_from("<I", data, at)[0]
        if at + 20 + size > len(data):
            break
        if size == 49 and data[at + 20] == COMMITTED:
            batch, txid, height = struct.unpack_from("<Q32sQ", data, at + 21)
            found[batch].append((txid.hex(), height))
        at += 20 + size
    return found


def ledger(path):
    """txid -> [(height, its operations)]"""
    txs = collections.defaultdict(list)
    for line in open(path):
        block = json.loads(line)
        for tx in block["transactions"]:
            txs[tx["txid"]].append((block["height"], tx["operations"]))
    return txs


def paid(csv, journal, *exports):
    want = collections.Counter(row_key(r) for r in csv_rows(csv))
    committed = journal_committed(journal)
    if sorted(committed) != list(range(sum(want.values()))):
        print(f"the journal names {len(committed)} rows as committed of {sum(want.values())};")
    twice = [b for b, places in committed.items() if len(places) != 1]
    if twice:
        print(f"the journal names {len(twice)} rows twice, as {twice[0]}: {committed[twice[0]]};")
    for path in exports:
        txs = ledger(path)
        got = collections.Counter(
            (o["from"], o["to"], decimal.Decimal(o["amount"]), o["memo"])
            for places in txs.values() for _, ops in places for o in ops
            if o["op"] == "transfer" and o["from"].startswith("home/"))
        for key in (want - got).keys():
            print(f"{path}: not paid: {key};")
        for key in (got - want).keys():
            print(f"{path}: paid too often: {key};")
        for batch, places in committed.items():
            for txid, height in places:
                if [h for h, _ in txs[txid]] != [height]:
                    print(f"{path}: row {batch}: {txid} is not at height {height};")


def kept(*words):
    split = words.index("--")
    final = journal_committed(words[0])
    ledgers = {path: ledger(path) for path in words[split + 1:]}
    for seen in words[1:split]:
        for batch, places in journal_committed(seen).items():
            if final.get(batch) != places:
                print(f"{seen}: row {batch} was at {places}, and is now at {final.get(batch)};")
            for path, txs in ledgers.items():
                if any([h for h, _ in txs[txid]] != [height] for txid, height in places):
                    print(f"{path}: row {batch} is lost, which {seen} had as committed;")


def balances(csv, *accounts):
    """Home's customers got what they pay, in one issue; so they hold nothing, after that and their rows."""
    want = collections.defaultdict(lambda: [decimal.Decimal(0), 0])
    for row in csv_rows(csv):
        source, target, amount, _ = row_key(row)
        want[source] = [decimal.Decimal(0), max(1, want[source][1]) + 1]
        want[target] = [want[target][0] + amount, want[target][1] + 1]
    got = {}
    for path in accounts:
        for account in json.load(open(path))["accounts"]:
            for b in account["balances"]:
                got[account["account"]] = [decimal.Decimal(b["amount"]), b["entries_count"]]
    for name in sorted(set(want) | set(got)):
        if want.get(name) != got.get(name):
            print(f"{name}: {got.get(name)}, not {want.get(name)} (held, entries);")


def history(csv, path):
    d = json.load(open(path))
    want = sorted(key[3] for key in map(row_key, csv_rows(csv)) if key[0] == d["account"])
    got = sorted(e["memo"] for h in d["histories"] for e in h["entries"] if e["op"] == "transfer")
    if want != got or not want:
        print(f"{d['account']}: {len(got)} payments in the history, {len(want)} rows;")


if __name__ == "__main__":
    {"plan": plan, "paid": paid, "kept": kept, "balances": balances,
     "history": history}[sys.argv[1]](*sys.argv[2:])
