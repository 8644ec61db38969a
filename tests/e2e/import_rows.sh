# What `hansa import` says of CSV files that are not what they should be, and how much memory a
# million rows take. No node is needed: a file is judged whole before anybody is asked.
. "$(dirname "$0")/lib.sh"
for i in 0 1 2 3; do
    "$HANSA" keygen m$i --network demo --replica --peer 127.0.0.1:$((7101 + i)) \
        --client 127.0.0.1:$((7201 + i)) >/dev/null
done
"$HANSA" keygen bank --network demo >/dev/null
"$HANSA" genesis init --chain demo --out genesis.json --member m0.key.pub --member m1.key.pub \
    --member m2.key.pub --member m3.key.pub --participant bank.key.pub --asset CZK:2:bank >/dev/null

# judge CSV WORDS...: the words of a command that judges it.
template="--key bank.key --genesis genesis.json --op transfer --from bank/main --to bank/{to}
    --amount {amount} --asset CZK --dry-run"
# rejects NAME 'words|words' CSV-TEXT: with exit 3, and nothing is left beside the file.
rejects() {
    name=$1 words=$2
    printf "$3" >bad.csv
    # shellcheck disable=SC2086
    refused "$name" 3 "$words" import bad.csv $template
}
rejects "missing_column_is_named_with_those_there_are" "no column 'to'; the file has: n, amount" 'n,amount\n1,1.00\n'
rejects "header_alone_of_another_case_is_another_column" "no column 'amount'" 'to,Amount\na,1.00\n'
rejects "column_twice_is_refused" "bad.csv|line 1|amount" 'to,amount,amount\na,1.00,1.00\n'
rejects "too_few_fields_are_named_with_their_line" "line 3|1 field" 'to,amount\na,1.00\nb\n'
rejects "too_many_fields_are_named_with_their_line" "line 2|3 fields" 'to,amount\na,1.00,2.00\n'
rejects "decimal_comma_is_no_amount" "line 2|amount" 'to,amount\na,"1,00"\n'
rejects "amount_with_too_few_decimals_is_refused" "line 2|amount|2 decimals" 'to,amount\na,1.0\n'
rejects "amount_of_nothing_is_refused" "line 2|nothing" 'to,amount\na,0.00\n'
rejects "negative_amount_is_refused" "line 3|amount" 'to,amount\na,1.00\nb,-1.00\n'
rejects "amount_beyond_all_bounds_is_refused" "line 2|amount" 'to,amount\na,184467440737095516.16\n'
rejects "empty_amount_is_refused" "line 2|amount" 'to,amount\na,\n'
rejects "name_that_is_none_is_refused" "line 2" 'to,amount\na b,1.00\n'
rejects "open_quote_is_refused" "line 2|quote" 'to,amount\n"a,1.00\n'
rejects "lone_carriage_return_is_refused" "bad.csv|line 1|carriage return" 'to,amount\ra,1.00\n'
rejects "nul_is_refused" "line 2" 'to,amount\na\0,1.00\n'
rejects "utf16_is_refused" "line 1" '\377\376t\0o\0,\0a\0\n\0'
rejects "nothing_at_all_is_refused" "line 1" ''
printf '\357\273\277to,amount\r\n"a",1.00\r\nb,"2.00"\r\n' >good.csv
# shellcheck disable=SC2086
accepted "mark_quotes_and_carriage_returns_are_read" "2, all well-formed|3.00 CZK" import good.csv $template
printf 'to,amount\na,1.00' >good.csv
# shellcheck disable=SC2086
accepted "last_line_needs_no_end" "1, all well-formed|1.00 CZK" import good.csv $template
# shellcheck disable=SC2086
refused "file_that_is_not_there_is_said" 5 "none.csv|No such file" import none.csv $template
mkfifo pipe.csv
# shellcheck disable=SC2086
refused "pipe_is_no_file" 5 "pipe.csv|read" import pipe.csv $template

# ---- a million rows ----
rows() { # COUNT FILE
    { echo to,amount && yes a,0.01 | head -n "$1"; } >"$2"
}
# peak FILE: the most memory in KiB that judging it takes, in $kib.
peak() {
    kib=$(/usr/bin/python3 - "$HANSA" import "$1" $template <<'PY'
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=open("out", "w"), stderr=open("err", "w")).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if code == 0 else 0)
PY
)
}
rows 1000 thousand.csv
rows 1000000 million.csv
peak thousand.csv
few_kib=$kib
peak million.csv
problem=$(lacks out '1000000, all well-formed|10000.00 CZK|nothing was sent')
[ "$kib" -gt 0 ] && [ "$kib" -lt $((few_kib + 8192)) ] ||
    problem="${problem}$kib KiB for a million rows, $few_kib KiB for a thousand"
result "a_million_rows_take_no_more_memory_than_a_thousand" "$problem"
sed -i '999999s/.*/a,x/' million.csv
# shellcheck disable=SC2086
refused "one_bad_row_among_a_million_is_named" 3 "line 999999" import million.csv $template
check "nothing_was_written_beside_them" sh -c '! ls ./*.journal 2>/dev/null'
finish
