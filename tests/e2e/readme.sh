# The commands of README.md, run as they stand there: every one must end as the text says (exit 0, or
# the N of `# exit N` behind it) and say what the text shows. readme_book.sh does so with another text.
#
# Blocks marked sh are commands, run in order in one shell and one fresh directory; those marked
# `sh terminal 1` go on in the background, and are waited for until they say "ready:". A block marked
# text right after them is what they print. In it a line `...` stands for any lines left out, and ` ...`
# at the end of a line for the rest of it; keys, digests, ports and rates differ from run to run and are
# not compared. Ports that the text gives are moved, since something else may use them.
. "$(dirname "$0")/lib.sh"
README=${README:-$SOURCES/README.md}
BLOCKS=${BLOCKS:-13}
export SRC="$SOURCES"
export PATH="$BUILD:$BUILD/tests/programs:$PATH"
unset HANSA_GENESIS HANSA_KEY HANSA_NODE || true
mkdir tour blocks tmp
export TMPDIR="$PWD/tmp"
sed "s/127\\.0\\.0\\.1:7\\([12]0[1-4]\\)/127.0.0.1:$((20 + $$ % 12))\\1/g" "$README" >text

# One script out of all blocks: block N's commands write to blocks/N.out, and each command's exit is
# held against what the text says. blocks/N.text is what the text shows.
awk -v blocks="$PWD/blocks" '
function quoted(text) { gsub(/\047/, "\047\\\047\047", text); return "\047" text "\047" }
function end_command() {
    want = 0
    if (match(command, /# exit [0-9]+$/)) want = substr(command, RSTART + 7)
    print command (is_other ? " </dev/null &" : "")
    if (is_other) print "await_ready $! " blocks "/" number ".out"
    print "ended " number " " want " $? " quoted(command)
    command = ""
}
/^```sh( terminal 1)?$/ {
    kind = "sh"
    is_other = /terminal/
    number++
    print "exec >" blocks "/" number ".out 2>&1"
    next
}
/^```text$/ { kind = is_right_after ? "text" : ""; next }
/^```/ { is_right_after = kind == "sh"; kind = ""; next }
{ is_right_after = 0 }
kind == "text" { print >("blocks/" number ".text"); next }
kind == "sh" && $0 != "" {
    command = command (command == "" ? "" : "\n") $0
    if ($0 !~ /\\$/) end_command()
}
END { print number >"blocks/count" }' text >commands

{
    cat <<END
ended() {
    echo "\$4" >>$PWD/blocks/"\$1".commands
    [ "\$2" -eq "\$3" ] || echo "exit \$3, not \$2: \$4" >>$PWD/blocks/"\$1".wrong
}
await_ready() {
    echo "\$1" >>$PWD/others
    tries=1200
    until grep -q '^ready:' "\$2"; do
        tries=\$((tries - 1))
        [ "\$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}
END
    cat commands
} >tour.sh
end_others() {
    # shellcheck disable=SC2046
    [ ! -e others ] || kill $(cat others) 2>/dev/null || true
    # shellcheck disable=SC2046
    find . -name pids -exec cat {} + 2>/dev/null | xargs -r kill 2>/dev/null || true
}
trap 'end_others; rm -rf "$WORK"' EXIT
check "readme_tour_runs_to_its_end" sh -c 'cd tour && sh ../tour.sh </dev/null'
end_others

cat >compare.py <<'END'
import re, sys

def plain(line):
    line = line.rstrip()
    line = re.sub(r"\b[0-9a-f]{4}( [0-9a-f]{4}){3}\b", "GROUPS", line)
    line = re.sub(r"[0-9a-f]{16,}", "HEX", line)
    if re.search(r"primary|^killed: |^started: ", line): # a slow machine may have changed its view before
        line = re.sub(r"\b(alpha|beta|gamma|delta)\b", "MEMBER", re.sub(r"\bview [0-9]+", "view N", line))
    if line.startswith("committed: "): # nor do rows always come to stand in as many blocks
        line = re.sub(r"height [0-9]+, index [0-9]+", "height N, index N", line)
    line = re.sub(r"127\.0\.0\.1:[0-9]+", "ADDRESS", line)
    if re.search(r"transactions/s| a second|rows/s|^receipt: ", line):
        line = re.sub(r"[0-9.]+", "N", line)
    return line

def same(shown, line):
    return line.startswith(shown[:-4]) if shown.endswith(" ...") else line == shown

shown = [plain(line) for line in open(sys.argv[1], encoding="utf-8")]
lines = [plain(line) for line in open(sys.argv[2], encoding="utf-8")]
at, gap = 0, False
for line in shown:
    if line == "...":
        gap = True
        continue
    while gap and at < len(lines) and not same(line, lines[at]):
        at += 1
    if at == len(lines) or not same(line, lines[at]):
        sys.exit("the text shows %r, the tool says %r" % (line, lines[at] if at < len(lines) else ""))
    at, gap = at + 1, False
if at < len(lines) and not gap:
    sys.exit("the tool also says %r" % lines[at])
END

count=$(cat blocks/count)
: >err
[ "${count:-0}" -ge "$BLOCKS" ] || result "readme_has_a_tour" "only ${count:-0} blocks"
number=0
while [ "$number" -lt "${count:-0}" ]; do
    number=$((number + 1))
    block=blocks/$number
    : >>"$block.out"
    cp "$block.out" out
    problem=
    [ -s "$block.commands" ] || problem="its commands were not run; "
    [ ! -e "$block.wrong" ] || problem="$problem$(cat "$block.wrong"); "
    if [ -e "$block.text" ]; then
        problem="$problem$(/usr/bin/python3 compare.py "$block.text" "$block.out" 2>&1)"
    fi
    result "readme_tour_block_$number: $(head -n 1 "$block.commands" | cut -c 1-60)" "$problem"
done
[ -z "${KEEP:-}" ] || cp blocks/* "$KEEP"
finish
