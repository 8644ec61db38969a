# Evidence from outside: files that prove, and files that do not; and a member that lies to three
# nodes, is named by all of them, and proven a liar with what any of them hands out.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
LIAR=$BUILD/tests/programs/liar
KINDS='two-pre-prepares two-prepares two-commits two-view-changes two-new-views forgotten-commit bad-body'
liar=
trap '[ -z "$liar" ] || kill -KILL $liar 2>/dev/null; kill_all; rm -rf "$WORK"' EXIT

# ---- files ----
# flip FILE BIT OUT: one bit, counted from the start.
flip_bit() {
    /usr/bin/python3 -c '
import sys
b = bytearray(open(sys.argv[1], "rb").read())
b[int(sys.argv[2]) // 8] ^= 1 << int(sys.argv[2]) % 8
open(sys.argv[3], "wb").write(b)' "$@"
}
# no_flip_passes FILE: one bit of every 7th byte, each refused with a reason.
no_flip_passes() {
    problem=
    bits=$(($(stat -c %s "$1") * 8))
    at=3
    while [ $at -lt $bits ] && [ -z "$problem" ]; do
        flip_bit "$1" $at flipped
        run evidence verify flipped --genesis genesis.json
        case $code in 1 | 3) ;; *) problem="bit $at: exit $code" ;; esac
        grep -q 'proves nothing: ' err || problem="$problem; bit $at: no reason"
        at=$((at + 57))
    done
    result "no_flipped_bit_leaves_it_valid_$1" "$problem"
}
for kind in $KINDS; do
    check "there_is_a_file_of_$kind" "$LIAR" genesis.json m3.key file "$kind" "$kind"
    accepted "it_holds_$kind" "This evidence proves that m3, a member of chain 'demo'|$kind|view 6" \
        evidence verify "$kind" --genesis genesis.json
    no_flip_passes "$kind"
done
run evidence verify forgotten-commit --genesis genesis.json --json
json "evidence_is_json_too" "d['holds'] is True and d['offender'] == 'm3' and
    d['offender_index'] == 3 and d['kind'] == 'forgotten-commit' and d['height'] == 40 and
    d['to_view'] == 7 and d['high_view'] == 6 and d['high_height'] == 39"
run evidence verify bad-body --genesis genesis.json --json
json "a_bad_body_names_its_transaction" "d['tx_index'] == 0 and 'not a transaction' in d['tx_fault']"
refused "evidence_of_another_chain_is_refused" 3 "'two-commits'|proves nothing: chain id" \
    evidence verify two-commits --genesis other.json
cut_short two-commits 1 short
refused "truncated_evidence_is_refused" 3 "'short'|proves nothing: structure" \
    evidence verify short --genesis genesis.json
(cat two-commits && printf x) >more
refused "evidence_with_a_byte_more_is_refused" 3 "proves nothing: structure" \
    evidence verify more --genesis genesis.json
flip two-commits -1 flipped
refused "a_flipped_signature_is_named" 1 "proves nothing: signature 2" \
    evidence verify flipped --genesis genesis.json
# The two the wrong way round, at magic 8, chain id 32, 2, kind, offender, epoch 8, view 8, height 8.
(head -c 68 two-commits && tail -c 96 two-commits && tail -c +69 two-commits | head -c 96) >turned
refused "parts_the_wrong_way_round_are_no_contradiction" 1 "proves nothing: contradiction" \
    evidence verify turned --genesis genesis.json
(head -c 164 two-commits && tail -c +69 two-commits | head -c 96) >twice
refused "twice_the_same_is_no_contradiction" 1 "proves nothing: contradiction" \
    evidence verify twice --genesis genesis.json
flip bad-body -1 flipped
refused "a_body_that_does_not_give_its_header_is_named" 1 "proves nothing: block" \
    evidence verify flipped --genesis genesis.json
refused "a_genesis_is_no_evidence_and_said_to_be_one" 3 "proves nothing: this is a JSON file" \
    evidence verify genesis.json --genesis genesis.json
refused "evidence_is_no_receipt_and_said_to_be_evidence" 3 "this is evidence: hansa evidence verify" \
    receipt verify two-commits --genesis genesis.json
refused "missing_evidence_is_said" 5 "'none'|No such file" \
    evidence verify none --genesis genesis.json
refused "evidence_without_genesis_is_wrong_usage" 2 "--genesis FILE is missing, and HANSA_GENESIS is not set" \
    evidence verify two-commits

# ---- a liar ----
HANSA_GENESIS=$WORK/genesis.json
export HANSA_GENESIS
accepted "evidence_is_verified_with_the_genesis_of_the_environment" "This evidence proves" \
    evidence verify two-commits
for i in 0 1 2; do start $i --init; done
three_live() { for i in 0 1 2; do has $i "live 3" || return 1; done; }
passes "three_nodes_find_each_other" until_true three_live
accepted "nobody_is_accused_yet" "3 of 4 nodes answer, and none has evidence against anybody" \
    evidence list
refused "what_nobody_has_is_not_found" 4 "no node that answers has evidence of two-commits against m3" \
    evidence get m3 two-commits
"$LIAR" genesis.json m3.key vote 5 >liar.out 2>&1 &
liar=$!
named_by() { # I...
    "$HANSA" evidence list --json >named 2>/dev/null &&
        /usr/bin/python3 -c '
import json, sys
d = json.load(open("named"))["evidence"]
sys.exit(not (len(d) == 1 and d[0]["offender"] == "m3" and d[0]["kind"] == "two-commits" and
              d[0]["nodes"] == sys.argv[1:]))' "$@"
}
passes "all_three_name_the_liar" until_true named_by m0 m1 m2
kill -KILL $liar
liar=
for i in 0 1 2; do
    check "the_log_of_m${i}_names_him_once" sh -c \
        "[ \"\$(grep -c 'level=warn event=evidence offender=m3 kind=two-commits' m$i.log)\" -eq 1 ]"
done
accepted "status_says_so" "evidence against m3: two-commits (at m0, m1, m2)" status
accepted "the_proof_is_handed_out" "m3 (member 3)|two-commits|height 5|hansa evidence verify" \
    evidence get m3 two-commits
accepted "and_it_holds_offline" "This evidence proves that m3" \
    evidence verify m3-two-commits.evidence --genesis genesis.json
refused "a_file_that_is_there_stays" 5 "m3-two-commits.evidence" \
    evidence get m3 two-commits
accepted "it_is_written_where_it_was_asked_for" "'proof'" \
    evidence get 3 two-commits --out proof --node m1
check "all_have_the_same_kind_of_proof" "$HANSA" evidence verify proof --genesis genesis.json
refused "an_unknown_kind_is_refused" 3 "'two-lies'|no kind of evidence" evidence get m3 two-lies
refused "an_unknown_member_is_refused" 3 "'nobody'|no member" evidence get nobody two-commits
metric() { "$HANSA" metrics --node m0 | grep -qx -e "$1"; }
check "metrics_have_it" metric 'hansa_evidence{peer="m3",kind="two-commits"} 1'
check "and_the_conflicts" sh -c "'$HANSA' metrics --node m0 | grep -qE 'peer_conflicts_total\{peer=.m3.\} [1-9]'"

# ---- later ----
end 2
check "m2_ends" [ "$code" -eq 0 ]
start 2
passes "it_is_known_after_a_restart" until_true named_by m0 m1 m2
# A node that was not there learns it from the others' STATUSes.
start 3 --init
passes "who_was_away_learns_it" until_true named_by m0 m1 m2 m3
passes "and_knows_that_it_is_about_itself" until_true grep -q 'event=evidence offender=m3.*own key was used' m3.log
passes "and_never_votes" until_true grep -q 'event=learner' m3.log
finish
