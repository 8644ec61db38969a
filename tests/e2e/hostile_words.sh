# Words that nobody should type, in every place where one can be typed: each argument and option of
# each command as `hansa --help --json` lists them, with the other places filled in rightly. Every
# run must end with a documented exit code, and, when that is not 0, with one line of words; nothing
# printed may hold a raw control byte or be other than UTF-8.
. "$(dirname "$0")/lib.sh"

"$BUILD/tests/programs/mkstore" s --blocks 4 --txs-per-block 3 --ops-per-tx 8 --accounts 4 \
    --checkpoint-every 4 --seed 1 --genesis-out g.json >mkstore.out 2>&1 || {
    cat mkstore.out
    echo "not ok a_store_is_made"
    exit 1
}
cp -r s s2
for name in alpha beta gamma delta; do
    run keygen $name --network demo --replica --peer $name:1 --client $name:2 --out $name.key
done
run keygen bank --network demo --out bank.key
run keygen bank --network demo --out bank-2.key
run genesis init --chain demo --out genesis.json --member alpha.key.pub --member beta.key.pub \
    --member gamma.key.pub --member delta.key.pub --participant bank.key.pub --asset CZK:2:bank
run sign issue --key bank.key --genesis genesis.json --nonce 1 --to bank/a --asset CZK \
    --amount 1.00 --out pay.tx
"$HANSA" block head --dir s --json >block.json
txid=$(/usr/bin/python3 -c 'import json; print(json.load(open("block.json"))["transactions"][0]["txid"])')
run tx "$txid" --dir s --receipt r.receipt
run account p0/a0 --dir s --asset CZK --prove p.proof
check "places_to_fill_are_ready" test -s pay.tx -a -s r.receipt -a -s p.proof
export txid

cat >hostile.py <<'PYTHON'
import concurrent.futures, json, os, shutil, subprocess, sys, tempfile, threading
hansa, here = sys.argv[1], os.getcwd()
at = lambda name: os.path.join(here, name)

words = [b"", b"a" * 600, b"t" * 300, "\u017e".encode() * 300, b"9" * 600, b"/" * 300, b"x/" * 3000,
         b"caf\xe9", b"\xff\xfe", b"\x1b[31mred\x07", b"\xc2\x9b31m", b"two\nlines\r\t", b"\x7f",
         b"18446744073709551615", b"18446744073709551616", b"99999999999999999999999999", b"-1",
         b"0", b"+1", b"1e3", b"%s%n%d%99999999d", b"a/b", b"/dev/null", b"/", b".", b"[]", b"a:b=c:d"]

# What fills the places that are not tried at the moment.
ALL = {"dir": at("s"), "genesis": at("genesis.json"), "key": at("bank.key"), "nonce": "1",
       "network": "demo", "chain": "demo", "from": "bank/a", "to": "bank/b", "amount": "1.00",
       "asset": "CZK", "topic": "t", "record-key": "k", "data": "d", "new-key": at("bank-2.key"),
       "revoke-hex": "ab" * 32, "out": "fresh"}
NEEDS = {"keygen": ["network"], "genesis init": ["chain", "out"],
         "sign record": ["topic", "record-key", "data"], "sign key-revoke": ["revoke-hex"]}
ARGUMENTS = {"keygen": ["bank"], "key show": [at("bank.key")], "genesis show": [at("genesis.json")],
             "tx show": [at("pay.tx")], "receipt verify": [at("r.receipt")],
             "proof verify": [at("p.proof")], "audit": [at("s")], "export": [at("s")],
             "account": ["p0/a0"], "history": ["p0/a0"], "tx": [os.environ["txid"]],
             "block": ["head"], "record get": ["p0", "t", "k"], "record history": ["p0", "t", "k"],
             "record verify": [at("pay.tx"), "p0", "t", "k"], "submit": [at("pay.tx")],
             "wait": [os.environ["txid"]], "receipt get": [os.environ["txid"]], "backup": ["copy"]}
# Commands that talk to nodes: no member has this name, so that they end before that.
ONLINE = {"genesis": at("genesis.json"), "node": "nobody", "timeout": "1", "key": at("bank.key"),
          "data": "d", "revoke-hex": "ab" * 32}
MEMBERS = ["--member=" + at(n + ".key.pub") for n in ("alpha", "beta", "gamma", "delta")]
# Parts of values that have parts.
PARTS = {"asset": ("%s:2:bank", "CZK:%s:bank", "CZK:2:%s"),
         "balance": ("%s=1.00:CZK", "bank/a=%s:CZK", "bank/a=1.00:%s"),
         "parameter": ("%s=5", "batch_ms=%s")}

def fill(form, word):
    before, after = form.split("%s")
    return before.encode() + word + after.encode()

def command_lines():
    help = json.loads(subprocess.run([hansa, "--help", "--json"], capture_output=True).stdout)
    for word in words:
        for line in ([word], [b"sign", word], [b"key", word], [b"help", word],
                     [b"keygen", b"--" + word], [b"keygen", b"-" + word]):
            yield line
    for command in help["commands"]:
        name = command["command"]
        if name.split()[0] in ("sandbox", "bench", "import"):
            continue # they start nodes, or talk to them for as long as it takes: import.sh
        store_genesis = name.split()[0] in ("audit", "export", "account", "history", "tx", "block",
            "record", "assets", "participants", "receipt", "proof") and name != "tx show"
        base = {o["name"]: ALL[o["name"]] for o in command["options"]
                if o["required"] and o["name"] in ALL or o["name"] in NEEDS.get(name, [])}
        names = {o["name"] for o in command["options"]}
        if "timeout" in names and "dir" in names:
            base["dir"] = at("s")
        elif {"timeout", "node"} <= names:
            base.update({n: v for n, v in ONLINE.items() if n in names})
        if store_genesis and "genesis" in base and "node" not in base:
            base["genesis"] = at("g.json")
        arguments = [a.encode() for a in ARGUMENTS.get(name, [])]
        def line(arguments, options, extra=()):
            filled = ["--%s=%s" % pair for pair in options.items()]
            if name == "genesis init" and not any(e.startswith(b"--member") for e in extra):
                filled += MEMBERS + ["--participant=" + at("bank.key.pub")]
            return name.encode().split() + [f.encode() for f in filled] + list(extra) + [
                b"--"] + arguments
        for word in words:
            for i in range(len(arguments)):
                yield line(arguments[:i] + [word] + arguments[i + 1:], base)
            for o in command["options"]:
                if o["value"] is None:
                    continue
                others = {n: v for n, v in base.items() if n != o["name"]}
                if o["name"] in ("data-file", "revoke"):
                    others.pop("data", None), others.pop("revoke-hex", None)
                option = b"--" + o["name"].encode() + b"="
                if name == "account" and o["name"] == "prove":
                    others["asset"] = "CZK"
                yield line(arguments, others, [option + word])
                if name == "genesis init":
                    for form in PARTS.get(o["name"], ()):
                        yield line(arguments, others, [option + fill(form, word)])
    # The same words as values in a file of operations.
    for word in words:
        text = word.decode("utf-8", "replace")
        for op in ({"op": text}, {text: "op"}, {"op": "record", "topic": text, "key": "k", "data": ""},
                   {"op": "record", "topic": "t", "key": text, "data": text},
                   {"op": "record", "topic": "t", "key": "k", "data_hex": text},
                   {"op": "record", "topic": "t", "key": "k", "data_file": text},
                   {"op": "transfer", "from": text, "to": text, "asset": "CZK", "amount": "1.00"},
                   {"op": "issue", "to": "bank/a", "asset": text, "amount": "1.00"},
                   {"op": "issue", "to": "bank/a", "asset": "CZK", "amount": text, "memo": text},
                   {"op": "key-add", "new_key_file": text, "new_passphrase_file": text},
                   {"op": "key-add", "participant": text, "key": text, "consent": text},
                   {"op": "key-revoke", "key": text}, {"op": "key-revoke", "key_file": text}):
            yield [b"sign", b"--key=" + at("bank.key").encode(), b"--nonce=1",
                   b"--genesis=" + at("genesis.json").encode(), b"--ops=ops.json", [op]]

def raw(text):
    try:
        shown = text.decode("utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8"
    bad = [c for c in shown if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160]
    return "has the raw control character %r" % bad[0] if bad else None

def fault(words, as_json):
    # A directory of its own for every run: what is written is not in the way of the next one.
    directory = tempfile.mkdtemp(dir=here)
    try:
        if isinstance(words[-1], list):
            json.dump(words[-1], open(os.path.join(directory, "ops.json"), "w"))
            words = words[:-1]
        line = [hansa] + (["--json"] if as_json else []) + words
        try:
            run = subprocess.run(line, capture_output=True, stdin=subprocess.DEVNULL,
                                 cwd=directory, timeout=60, start_new_session=True)
        except subprocess.TimeoutExpired:
            return "does not end"
    finally:
        shutil.rmtree(directory)
    if not 0 <= run.returncode <= 7:
        return "exit %d: %r" % (run.returncode, run.stderr[-300:])
    what = raw(run.stdout) or raw(run.stderr)
    if what:
        return "what it prints %s: %r" % (what, (run.stdout + run.stderr)[:300])
    if run.returncode == 0:
        return None
    if as_json:
        try:
            error = json.loads(run.stderr)["error"]
        except ValueError:
            return "no JSON: %r" % run.stderr[:300]
        return None if error["text"] and error["exit_code"] == run.returncode else "no words"
    if run.stderr.count(b"\n") != 1 or not run.stderr.startswith(b"hansa: ") or len(run.stderr) < 20:
        return "not one line of words: %r" % run.stderr[:300]

lines = list(command_lines())
lines = [line for line in lines if not any(isinstance(w, bytes) and b"\0" in w for w in line)]
faults = 0
with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
    # Every third is asked for in JSON.
    jobs = [(line, pool.submit(fault, line, i % 3 == 0)) for i, line in enumerate(lines)]
    for line, job in jobs:
        if job.result():
            faults += 1
            if faults <= 20:
                print([w[:80] if isinstance(w, bytes) else w for w in line], job.result())
print(len(lines), "runs,", faults, "faults")
sys.exit(faults > 0 or len(lines) < 2000)
PYTHON
/usr/bin/python3 hostile.py "$HANSA" >out 2>err
code=$?
problem=
[ "$code" -eq 0 ] || problem="$(tail -n 1 out)"
result "no_word_that_can_be_typed_ends_in_other_than_words" "$problem"
finish
