#!/bin/sh
# The rules of the house that a script can hold: formats, includes, lengths, words. Prints what it
# finds and exits 1; the last line is `lint: ok` or `lint: N findings`.
set -u
cd "$(dirname "$0")/.."
findings=0

# Report each line of stdin under a title.
report() {
    while IFS= read -r line; do
        echo "$1: $line"
        echo x >>"$count"
    done
}
count=$(mktemp)
trap 'rm -f "$count"' EXIT

sources=$(git ls-files --cached --others --exclude-standard '*.c' '*.h')
product=$(echo "$sources" | grep -v '^tests/')

# --- format ---
# shellcheck disable=SC2086
clang-format --dry-run -Werror $sources 2>&1 | grep -E 'error:' | cut -d: -f1 | sort -u |
    report 'not formatted (make fmt)'

# --- who may include whom (design section 3) ---
allowed() {
    case "$1" in
    crypto/base/*) echo 'crypto/base/' ;;
    crypto/*)      echo 'crypto/' ;;
    ledger/*)      echo 'crypto/|ledger/' ;;
    genesis/*)     echo 'crypto/|ledger/|genesis/' ;;
    net/*)         echo 'crypto/|net/' ;;
    node/pbft/*)   echo 'crypto/|node/pbft/' ;;
    node/*)        echo 'crypto/|ledger/|genesis/|net/|node/' ;;
    tools/hansa/*) echo 'crypto/|ledger/|genesis/|net/|node/(proto|pool|evidence_file)\.h|tools/hansa/' ;;
    *)             echo '' ;;
    esac
}
for file in $product; do
    folders=$(allowed "$file")
    if [ -z "$folders" ]; then
        echo "$file" | report 'in a folder that lint.sh does not know'
        continue
    fi
    grep -nE '^#include "' "$file" | grep -vE "\"($folders)" | sed "s|^|$file:|" |
        report 'include across a boundary'
done

# --- each foreign library enters in one place ---
only() { # header, the files that may
    # shellcheck disable=SC2086
    grep -nE "^#include <$1" $product | grep -vE "^($2)" | report "<$1 included outside its place"
}
only 'sodium' 'crypto/'
only 'lmdb.h' 'ledger/kv_lmdb.c:'
only 'jansson.h' 'genesis/json.h:'
only 'nanomsg' 'net/'
only 'time.h' 'tools/|ledger/audit|crypto/crypto.c:|net/loop.c:|node/hansad/'

# --- lengths: files of about 400 lines and functions of 70; tests may be longer lists ---
for file in $sources; do
    case "$file" in tests/*) most=500 ;; *) most=420 ;; esac
    lines=$(wc -l <"$file")
    [ "$lines" -le "$most" ] || echo "$file has $lines lines, $most at most"
done | report 'long file'
# shellcheck disable=SC2086
awk '/^{/ { start = FNR }
     /^}/ { if (start && FNR - start - 1 > 70)
                printf "%s:%d: %d lines\n", FILENAME, start, FNR - start - 1
            start = 0 }' $product | report 'function over 70 lines'

# --- words ---
banned() { # pattern, reason
    # shellcheck disable=SC2086
    grep -nE "$1" $product | report "$2"
}
banned '\b(strcpy|strcat|sprintf|gets|atoi|atol|strtok|alloca)\(' 'unbounded or unchecked C function'
# shellcheck disable=SC2086
grep -nE '[^_a-z](malloc|calloc|realloc)\(' $product | grep -v '^crypto/base/mem.c:' |
    report 'allocate with mem_alloc and buf'
banned '\bassert\(' 'use CHECK: it stays on'
banned '[^_a-z]rand\(|srand\(|[^_]random\(\)' 'use prng or crypto_random'
# shellcheck disable=SC2086
grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $sources | report 'unfinished'
# shellcheck disable=SC2086
grep -nE '[[:space:]]+$' $sources Makefile tools/*.sh tests/*.sh 2>/dev/null | report 'trailing space'

# --- the core is pure: what its objects, which `make lint` builds first, need from outside. No
# allocation, time or I/O; wire*.c alone may grow the buffer that it encodes into, and hash what it
# signs by digest. No variable outlives a call. ---
pure='memcpy|memset|memmove|memcmp|__stack_chk_fail|check_failed|bytes_of|digest_equal|digest_is_zero'
pure="$pure|tag_bytes|quorum_of|faulty_max_of|statement_equal|statement_signed_bytes|rd_[a-z0-9_]+|wr_[a-z0-9_]+"
pure="$pure|(pbft|wire)_[a-z0-9_]+"
for source in node/pbft/*.c; do
    object=${BUILD:-build}/${source%.c}.o
    if [ ! -e "$object" ]; then
        echo "$object" | report 'the core is not built'
        continue
    fi
    case "$object" in
    */wire*.o) may="$pure|buf_add[a-z0-9_]*|cert_(en|de)code|digest_of|hasher_[a-z_]+" ;;
    *)         may=$pure ;;
    esac
    nm -u "$object" | awk '{ print $2 }' | grep -vxE "($may)" | sed "s|^|$object: |" |
        report 'the core reaches outside'
    nm -f sysv "$object" | tr -d ' ' |
        awk -F'|' '$7 ~ /^(\.t?(data|bss)|\*COM\*)/ && $7 !~ /^\.data\.rel\.ro/ { print $1 }' |
        sed "s|^|$object: |" | report 'the core has a variable'
done

# --- every header says what it is for, and is guarded by its own path ---
for file in $(echo "$sources" | grep '\.h$'); do
    guard=$(echo "$file" | tr 'a-z/.' 'A-Z__')
    head -1 "$file" | grep -q '^/\*' || echo "$file" | report 'header without a first sentence'
    grep -q "^#ifndef $guard\$" "$file" || echo "$file" | report 'header without its guard'
done

# --- tests/PITFALLS.md names tests that exist: a place (`test_x`, `x.sh`, `sim`), behind it what
# stands there, and mutants ---
where=
grep -o '`[^`]*`' tests/PITFALLS.md 2>&1 | tr -d '`' | while IFS= read -r name; do
    case "$name" in
    test_*)  where=tests/unit/$name.c there=$where ;;
    *.sh)    where=tests/e2e/$name there=$where ;;
    sim)     where=tests/sim there=$where ;;
    *.patch) there=tests/mutants/$name ;;
    *)       grep -rqwF -e "$name" "${where:-none}" 2>/dev/null && continue
             there=$name\ in\ $where ;;
    esac
    [ -e "$there" ] || echo "$there"
done | report 'PITFALLS.md names what is not there'

# --- each rule of sections 3 to 9 is bent by a mutant that names it ---
named=$(sed -n 's/^rule: \([^:]*\):.*/\1/p' tests/mutants/*.patch | tr ' ,' '\n\n')
grep -oE '^[3-9]\.[0-9]+ ' node/pbft/PROTOCOL.md | while read -r rule; do
    echo "$named" | grep -qxF "$rule" || echo "$rule"
done | report 'no mutant bends this rule of PROTOCOL.md'

findings=$(wc -l <"$count")
if [ "$findings" -eq 0 ]; then
    echo 'lint: ok'
else
    echo "lint: $findings findings"
    exit 1
fi
