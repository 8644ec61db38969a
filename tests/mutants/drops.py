#!/usr/bin/python3
"""Every drop of the core is removed in turn, by machine: each PBFT_DROP_... that a function of
node/pbft returns, and each that it passes on from a judge. A test has to notice, or drops.justified
says why there is nothing to notice. The last line is `drops: N/N caught or justified`.

What is removed is the return: after an `if` what follows is done instead. Where nothing can follow,
at the end of a function, after a `case` and in a conditional expression, it returns PBFT_KEEP.

All removals are built at once into a copy, each behind a switch that HANSA_DROP sets. First the tests
run with none removed, and note which drops they come to; a removal is then shown to those only, since
tests of the core are deterministic: what a run does not come to changes nothing in it. The quickest
go first; the first that fails, or never ends, is enough. Tests that take seconds, and the simulator,
are there for what the quick ones leave.

Arguments: names of drops, or beginnings of names; `list` prints them all. Without any: all.
A line of drops.justified: the name of a drop and why nobody could notice. The name is FUNCTION.REASON,
with `drop` for a reason that a judge found, and with .2 behind it for the second of that reason in that
function: no line number. One that is caught after all, or that is not there to be removed, is a failure.
"""
import glob
import os
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
WORK = os.path.join(os.path.abspath(os.environ.get("BUILD", "build")), "mutants", "drops")
TREE = os.path.join(WORK, "tree")
JUSTIFIED = "tests/mutants/drops.justified"
# The unit tests in which the core runs, and seeds of the simulator.
TESTS = "rules_* drops_* core_fuzz view_* cluster lost_votes traces driver_*"
SLOW = "core_fuzz lost_votes rules_3_votes view_fuzz view_liveness cluster driver_limits"
SEEDS = "1..24"
SECONDS_MAX = 300  # of one test with nothing removed

# `== PBFT_DROP_X ?` compares, and drops nothing; `return drop;` is what a judge said.
DROP = re.compile(r"(return|[?:]) (PBFT_DROP_[A-Z_]+|drop(?=;))")

SWITCH_H = """
#include <stdbool.h>
bool drop_is_removed(int number); /* drops.py */
"""
SWITCH_C = """#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "node/pbft/drop.h"

/* HANSA_DROP: the number of what is removed. HANSA_DROPS_MET: a file to which the numbers go of all
 * that are come to, once each. */
static int removed = -1;
static const char *path;

__attribute__((constructor)) static void read_environment(void)
{
    const char *number = getenv("HANSA_DROP");
    removed = number == NULL ? -1 : atoi(number);
    path = getenv("HANSA_DROPS_MET");
}

bool drop_is_removed(int number)
{
    static atomic_bool is_met[COUNT];
    if (path != NULL && !atomic_exchange(&is_met[number], true)) {
        char line[16];
        int size = snprintf(line, sizeof line, "%d\\n", number);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, line, (size_t)size) != size)
            abort();
        close(fd);
    }
    return removed == number;
}
"""


# ---- the drops, and the copy in which each has its switch ----


def is_after_if(lines, at):
    """Whether what stands in this line is done only if a condition holds."""
    indent = len(lines[at]) - len(lines[at].lstrip())
    for line in reversed(lines[:at]):
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            return re.match(r"\s*(if \(|\} else|else)", line) is not None
    return False


def switched(lines, at, names, function):
    """The line `at` with a switch for each of its drops, whose names are added."""
    can_follow = is_after_if(lines, at)

    def switch(match):
        number = len(names)
        names.append(f"{function}.{match.group(2).removeprefix('PBFT_DROP_')}")
        if match.group(1) == "return" and can_follow:
            return f"if (!drop_is_removed({number})) return {match.group(2)}"
        kept = f"(drop_is_removed({number}) ? PBFT_KEEP : {match.group(2)})"
        return f"{match.group(1)} {kept}"

    line = DROP.sub(switch, lines[at])
    return re.sub(r"(if \(!drop_is_removed.*?;)", r"{ \1 }", line)


def removals():
    """The names of all drops, a drop's number being its place; and the files with switches."""
    found, files, home = [], {}, {}
    for path in sorted(glob.glob("node/pbft/*.c")):
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines(keepends=True)
        function, bent = None, []
        for at, line in enumerate(lines):
            head = re.match(r"[a-z][^;=]*?(\w+)\(", line)
            function = head.group(1) if head else function
            if DROP.search(line) and home.setdefault(function, path) != path:
                sys.exit(f"drops: {path} and {home[function]}: two functions are named {function}")
            bent.append(switched(lines, at, found, function))
        files[path] = "".join(bent)
    times, seen, names = Counter(found), Counter(), []
    for name in found:
        seen[name] += 1
        names.append(f"{name}.{seen[name]}" if times[name] > 1 else name)
    with open("node/pbft/drop.h", encoding="utf-8") as f:
        files["node/pbft/drop.h"] = f.read() + SWITCH_H
    files["node/pbft/drop_is_removed.c"] = SWITCH_C.replace("COUNT", str(len(names)))
    return names, files


def copy(files):
    """Bring the copy up to date; what has not changed is not built again."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    paths = subprocess.run(listed, check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    wanted = {path: None for path in paths if os.path.isfile(path)}
    wanted.update(files)
    for folder, folders, names in os.walk(TREE):
        if folder == TREE:
            folders[:] = [name for name in folders if name != "build"]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.relpath(path, TREE) not in wanted:
                os.remove(path)
    for path, text in wanted.items():
        with open(path, "rb") if text is None else open(os.devnull, "rb") as f:
            fresh = f.read() if text is None else text.encode()
        there = os.path.join(TREE, path)
        os.makedirs(os.path.dirname(there), exist_ok=True)
        if os.path.exists(there):
            with open(there, "rb") as f:
                if f.read() == fresh:
                    continue
        with open(there, "wb") as f:
            f.write(fresh)
        if text is None:
            os.chmod(there, os.stat(path).st_mode)


# ---- running ----


def command_of(test):
    return ["build/hansa-sim", SEEDS] if test == "sim" else [f"build/tests/unit/{test}"]


def run(test, seconds_max, **env):
    """Whether it passed."""
    try:
        done = subprocess.run(command_of(test), cwd=TREE, env={**os.environ, **env}, timeout=seconds_max,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def met_by(test):
    """The numbers of the drops that it comes to with none removed, and its seconds; None: it fails."""
    path = os.path.join(WORK, f"met.{test}")
    if os.path.exists(path):
        os.remove(path)
    begun = time.monotonic()
    if not run(test, SECONDS_MAX, HANSA_DROPS_MET=path):
        return None, 0
    seconds = time.monotonic() - begun
    if not os.path.exists(path):
        return [], seconds
    with open(path, encoding="utf-8") as f:
        return [int(line) for line in f], seconds


def in_parallel(function, jobs):
    """(job, result) of each, as they end."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(function, job): job for job in jobs}
        for future in as_completed(running):
            yield running[future], future.result()


def tests_in_stages():
    """The quick ones, and the slow ones."""
    names = [os.path.basename(f)[:-2] for name in TESTS.split() for f in glob.glob(f"tests/unit/test_{name}.c")]
    slow = [f"test_{name}" for name in SLOW.split()]
    return [name for name in names if name not in slow], [name for name in names if name in slow] + ["sim"]


def survey(tests):
    """By number, those of the tests that come to a drop, the quickest first; and by test its seconds."""
    targets = [command_of(test)[0] for test in tests]
    print(f"building {len(tests)} test programs", flush=True)
    make = ["make", "-s", f"-j{os.cpu_count()}", "BUILD=build"] + targets
    if subprocess.run(make, cwd=TREE, stdout=subprocess.DEVNULL, check=False).returncode:
        sys.exit("drops: the copy does not build")
    print("running them with nothing removed", flush=True)
    met, seconds = defaultdict(list), {}
    for test, (numbers, taken) in in_parallel(met_by, tests):
        if numbers is None:
            sys.exit(f"drops: {test} fails with nothing removed")
        seconds[test] = taken
        if taken > 10:
            print(f"    {test}: {taken:.0f} s", flush=True)
        for number in numbers:
            met[number].append(test)
    for comers in met.values():
        comers.sort(key=lambda test: (test == "sim", seconds[test]))
    return met, seconds


def justified():
    with open(JUSTIFIED, encoding="utf-8") as f:
        lines = [line.split(None, 1) for line in f if line.strip() and not line.startswith("#")]
    return {line[0]: line[1].strip() if len(line) > 1 else "" for line in lines}


def try_all(names, numbers, reasons):
    """Remove these in turn; how many of them are caught or justified."""
    total, done, good, comers = len(numbers), 0, 0, Counter()
    quick, slow = tests_in_stages()

    def tell(number, verdict):
        nonlocal done
        done += 1
        print(f"[{done}/{total}] {names[number]:46} {verdict}", flush=True)

    for tests in quick, slow:
        met, seconds = survey(tests) if numbers else ({}, {})

        def noticed_by(number):
            for test in met[number]:
                if not run(test, 60 + 10 * seconds[test], HANSA_DROP=str(number)):
                    return test
            return None

        left = []
        for number, test in in_parallel(noticed_by, numbers):
            comers[number] += len(met[number])
            if test is None:
                left.append(number)
                continue
            good += names[number] not in reasons
            tell(number, f"caught     {test}" if names[number] not in reasons else f"JUSTIFIED, AND CAUGHT by {test}")
        numbers = sorted(left)
    for number in numbers:
        reason = reasons.get(names[number])
        good += bool(reason)
        tell(number, f"justified  {reason}" if reason else f"SURVIVED   {comers[number]} tests come to it")
    return good


def main():
    names, files = removals()
    if sys.argv[1:] == ["list"]:
        print("\n".join(names))
        return 0
    for word in sys.argv[1:]:
        if not any(name.startswith(word) for name in names):
            print(f"drops: no drop's name begins with '{word}'; there are:\n" + "\n".join(names), file=sys.stderr)
            return 2
    numbers = [i for i, name in enumerate(names) if not sys.argv[1:] or name.startswith(tuple(sys.argv[1:]))]
    reasons = justified()
    faults = [f"{name} is not there to be removed" for name in reasons if name not in names]
    faults += [f"{name} has no reason" for name, reason in reasons.items() if not reason]
    copy(files)
    good = try_all(names, numbers, reasons)
    for fault in faults:
        print(f"{JUSTIFIED}: {fault}")
    wrong = f", {len(faults)} errors in {JUSTIFIED}" if faults else ""
    print(f"drops: {good}/{len(numbers)} caught or justified{wrong}")
    return 0 if numbers and good == len(numbers) and not faults else 1


if __name__ == "__main__":
    sys.exit(main())
