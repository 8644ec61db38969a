# Helpers for tests of the tool from outside, in plain sh. Sourced first by every script here:
#   . "$(dirname "$0")/lib.sh"
# It moves into a fresh directory that is removed at the end. BUILD says where the tool is.
# Each test prints `ok NAME` or `not ok NAME` with what was wrong; `finish` ends the script.

set -u
LC_ALL=C.UTF-8
export LC_ALL
umask 022
BUILD=${BUILD:-build}
case "$BUILD" in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
HANSA=$BUILD/hansa
SOURCES=$(cd "$(dirname "$0")/../.." && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1
unset HANSA_GENESIS || true # whoever runs this may have a sandbox
tests_failed=0
: >refusals
# Whoever lives has time to answer, on a machine that stalls for seconds too. A short --timeout stands
# only where somebody must not answer; patiently() is for where others have to beside him.
HANSA_TIMEOUT=60
export HANSA_TIMEOUT

# result NAME PROBLEM: no problem is ok.
result() {
    if [ -z "$2" ]; then
        echo "ok $1"
        return
    fi
    echo "not ok $1"
    echo "  $2"
    sed 's/^/  out: /' out | head -20
    sed 's/^/  err: /' err | head -20
    tests_failed=$((tests_failed + 1))
}

# run WORDS...: the tool, with its answer in ./out, its complaints in ./err, its exit in $code.
run() {
    code=0
    "$HANSA" "$@" >out 2>err </dev/null || code=$?
}

# noise BYTES: the same ones at every run, so that what they are refused for is the same too.
noise() {
    /usr/bin/python3 -c '
import random, sys
sys.stdout.buffer.write(random.Random(1).randbytes(int(sys.argv[1])))' "$1"
}

# lacks FILE 'one|two': print those that do not stand in FILE.
lacks() {
    printf '%s\n' "$2" | tr '|' '\n' >wanted
    while IFS= read -r wanted_words; do
        grep -qF -e "$wanted_words" "$1" || printf 'no "%s" in %s; ' "$wanted_words" "$1"
    done <wanted
}

# accepted NAME 'words|words' WORDS...: exit 0, the words on stdout, nothing on stderr.
accepted() {
    name=$1 words=$2
    shift 2
    run "$@"
    problem=
    [ "$code" -eq 0 ] || problem="exit $code, not 0; "
    [ ! -s err ] || problem="${problem}something on stderr; "
    result "$name" "$problem$(lacks out "$words")"
}

# refused NAME EXIT 'words|words' WORDS...: that exit, one line with the words on stderr, nothing on
# stdout; and the same once more with --json.
refused() {
    name=$1 want=$2 words=$3
    shift 3
    run "$@"
    problem=
    [ "$code" -eq "$want" ] || problem="exit $code, not $want; "
    [ ! -s out ] || problem="${problem}something on stdout; "
    [ "$(wc -l <err)" -eq 1 ] || problem="${problem}not one line on stderr; "
    grep -q '^hansa: ' err || problem="${problem}stderr does not begin with hansa:; "
    problem="$problem$(lacks err "$words")"
    code=0
    "$HANSA" "$@" --json >out 2>err.json </dev/null || code=$?
    [ "$code" -eq "$want" ] || problem="${problem}exit $code with --json, not $want; "
    [ ! -s out ] || problem="${problem}something on stdout with --json; "
    grep -qF "\"exit_code\": $want," err.json || problem="${problem}no exit_code with --json; "
    [ "$(wc -l <err.json)" -eq 1 ] || problem="${problem}not one line of JSON; "
    cat err.json >>refusals
    result "$name" "$problem"
}

# json NAME EXPRESSION: a Python expression over d, the JSON in ./out.
json() {
    problem=$(/usr/bin/python3 -c '
import json, sys
d = json.load(open("out"))
if not eval("(" + sys.argv[1] + ")"): print("the JSON answer does not give", sys.argv[1])' "$2" 2>&1)
    result "$1" "$problem"
}

# shown NAME EXPRESSION WORDS...: json, of what the tool answers to these.
shown() {
    name=$1 expression=$2
    shift 2
    run "$@"
    json "$name" "$expression"
}

# longer_by N WORDS...: the command, with N times the seconds that stand behind --timeout.
longer_by() {
    factor=$1 words_left=$(($# - 1)) previous=
    shift
    while [ $words_left -gt 0 ]; do
        word=$1
        shift
        [ "$previous" != --timeout ] || word=$((word * factor))
        set -- "$@" "$word"
        previous=$word words_left=$((words_left - 1))
    done
    "$@"
}

# patiently ASSERTION NAME WORDS...: when it fails with somebody silent, again with more and more time.
# For a short --timeout because of somebody who must not answer, where others have to.
patiently() {
    for factor_now in 1 4 16 64; do
        failed_before=$tests_failed
        rm -f err.json
        longer_by $factor_now "$@" >assertion
        [ "$tests_failed" -gt "$failed_before" ] || break
        [ $factor_now -lt 64 ] || break
        cat out err err.json 2>/dev/null | grep -q 'silent\|no answer\|nobody listens\|answers* within' || break
        tests_failed=$failed_before
    done
    cat assertion
}

# check NAME COMMAND...: any command that succeeds when all is well.
check() {
    name=$1
    shift
    problem=
    "$@" >out 2>err || problem="failed: $*"
    result "$name" "$problem"
}

# flip FILE OFFSET NEW: NEW is FILE with the lowest bit of one byte changed (offset from the end
# when negative).
flip() {
    /usr/bin/python3 -c '
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[2])] ^= 1
open(sys.argv[3], "wb").write(data)' "$1" "$2" "$3"
}

# cut_short FILE BYTES NEW: NEW is FILE without its last BYTES bytes.
cut_short() {
    head -c -"$2" "$1" >"$3"
}

finish() {
    if [ -s refusals ]; then
        : >out
        problem=$(/usr/bin/python3 -c '
import json
text = open("refusals").read()
at = 0
while at < len(text):
    d, at = json.JSONDecoder().raw_decode(text, at)
    error = d["error"]
    assert list(d) == ["error"], d
    assert error["code"] and error["exit"] and error["text"], d
    at = len(text) - len(text[at:].lstrip())' 2>&1)
        result "every refusal is one JSON object with code, exit and text" "$problem"
    fi
    [ "$tests_failed" -eq 0 ]
    exit
}
