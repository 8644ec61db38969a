# The tour in README.md, run as it stands there: every command must end as the text says (exit 0, or
# the N of `# exit N` behind it) and say what the text shows.
#
# Between the headings "## A tour" and the next "## ", blocks marked sh are commands, run in order in
# one shell and one fresh directory; a block marked text right after them is what they print. In it
# a line `...` stands for any lines left out, and ` ...` at the end of a line for the rest of it;
# keys, digests and rates differ from run to run and are not compared.
. "$(dirname "$0")/lib.sh"
README=${README:-$SOURCES/README.md}
export SRC="$SOURCES"
export PATH="$BUILD:$BUILD/tests/programs:$PATH"
mkdir tour blocks

# One script out of all blocks: block N's commands write to blocks/N.out, and each command's exit is
# held against what the text says. blocks/N.text is what the text shows.
awk '
function quoted(text) { gsub(/\047/, "\047\\\047\047", text); return "\047" text "\047" }
function end_command() {
    want = 0
    if (match(command, /# exit [0-9]+$/)) want = substr(command, RSTART + 7)
    print command
    print "ended " number " " want " $? " quoted(command)
    command = ""
}
/^## / { inside = /^## A tour$/ }
!inside { next }
/^```sh$/ { kind = "sh"; number++; print "exec >../blocks/" number ".out 2>&1"; next }
/^```text$/ { kind = "text"; next }
/^```/ { kind = ""; next }
kind == "text" { print >("blocks/" number ".text"); next }
kind == "sh" && $0 != "" {
    command = command (command == "" ? "" : "\n") $0
    if ($0 !~ /\\$/) end_command()
}
END { print number >"blocks/count" }' "$README" >commands

{
    printf '%s\n' 'ended() {' \
        '    echo "$4" >>../blocks/"$1".commands' \
        '    [ "$2" -eq "$3" ] || echo "exit $3, not $2: $4" >>../blocks/"$1".wrong' '}'
    cat commands
} >tour.sh
check "readme_tour_runs_to_its_end" sh -c 'cd tour && sh ../tour.sh </dev/null'

cat >compare.py <<'END'
import re, sys

def plain(line):
    line = line.rstrip()
    line = re.sub(r"\b[0-9a-f]{4}( [0-9a-f]{4}){3}\b", "GROUPS", line)
    line = re.sub(r"[0-9a-f]{16,}", "HEX", line)
    if "transactions/s" in line or " a second" in line:
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
[ "${count:-0}" -ge 10 ] || result "readme_has_a_tour" "only ${count:-0} blocks"
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
