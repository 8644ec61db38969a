# `hansa genesis init` and `hansa genesis show`.
. "$(dirname "$0")/lib.sh"

# ---- a local trial ----
mkdir trial
accepted "init_makes_local_members_ready_to_use" \
    "chain id:|'trial/genesis.json'|key files:       5 in 'trial/keys'|next: hansa genesis show" \
    genesis init --chain demo --out trial/genesis.json --members 4 \
    --asset CZK:2:governor --balance governor/main=1000.00:CZK
check "keys_directory_is_for_its_owner_alone" test "$(stat -c %a trial/keys)" = 700
check "local_members_have_secret_files" sh -c \
    'for i in 0 1 2 3; do grep -q "peer: 127.0.0.1:710$i" trial/keys/member-$i.key || exit 1; done'
accepted "show_gives_chain_members_assets_and_groups" \
    "demo|0 member-0, peer 127.0.0.1:7100, client 127.0.0.1:7200|1 may be faulty; a quorum is 3|CZK, 2 decimals, issued by governor|governor/main 1000.00 CZK|governor, 1 key, governor|all at their defaults|read it out" \
    genesis show trial/genesis.json
sed -n 's/^chain id: *//p' out >shown-id
sed -n '/^to read out/,/^members/p' out | sed 's/^to read out://; /^members/d' | tr -d ' \n' >groups
check "groups_are_the_chain_id" sh -c 'printf "%s" "$(cat shown-id)" | cmp - groups'
run genesis show trial/genesis.json --json
json "show_is_json_too" 'd["chain"] == "demo" and d["chain_id"] == open("shown-id").read().strip()
    and len(d["chain_id_groups"].split()) == 16
    and d["chain_id_groups"].replace(" ", "") == d["chain_id"] and len(d["members"]) == 4
    and d["quorum"] == 3 and d["balances"] == [{"account": "governor/main", "asset": "CZK",
    "amount": "1000.00"}] and d["parameters_not_default"] == []'
run genesis init --chain two --out two.json --members 7 --keys-dir k7 --json \
    --parameter batch_ms=6 --reads participants
json "init_is_json_too" 'd["members_count"] == 7 and len(d["key_files"]) == 8 and
    len(d["chain_id"]) == 64 and d["genesis_file"] == "two.json"'
accepted "show_names_parameters_that_are_not_default" "batch_ms = 6 (default 5)|participants" \
    genesis show two.json
refused "existing_genesis_file_is_not_overwritten" 5 "'two.json'|exists already" \
    genesis init --chain two --out two.json --members 4 --keys-dir k4
check "refused_init_makes_no_keys" test ! -e k4
refused "existing_keys_are_not_overwritten" 5 "k7/member-0.key|exists already" \
    genesis init --chain two --out three.json --members 4 --keys-dir k7
check "existing_keys_stay" test -e k7/member-0.key
refused "second_trial_beside_the_first_is_told_of_keys_dir" 5 "k7/member-0.key'|--keys-dir DIR" \
    genesis init --chain two --out three.json --members 4 --keys-dir k7
accepted "init_makes_the_directory_of_the_genesis_file" "'demo/genesis.json'|5 in 'demo/keys'" \
    genesis init --chain demo --out demo/genesis.json --members 4
check "made_keys_directory_is_for_its_owner_alone" test "$(stat -c %a demo/keys)" = 700
refused "init_makes_one_directory_only" 5 "'a/b'|No such file|make the directory" \
    genesis init --chain two --out a/b/genesis.json --members 4
refused "init_makes_one_keys_directory_only" 5 "'a/keys'|make the directory" \
    genesis init --chain two --out three.json --members 4 --keys-dir a/keys
refused "init_that_is_refused_takes_its_directory_back" 3 "balances[0]" genesis init --chain two \
    --out a/three.json --members 4 --balance governor/main=1.00:XXX
check "directory_of_a_refused_genesis_is_gone" test ! -e a
refused "refused_genesis_takes_its_keys_back" 3 "balances[0]" genesis init --chain two \
    --out three.json --members 4 --keys-dir k4 --balance governor/main=1.00:XXX
check "keys_of_a_refused_genesis_are_gone" test ! -e k4 -a ! -e three.json
refused "three_members_are_too_few" 2 "--members|from 4 to 31|'3'" \
    genesis init --chain two --out three.json --members 3
refused "thirty_two_members_are_too_many" 2 "from 4 to 31" \
    genesis init --chain two --out three.json --members 32
refused "members_and_member_files_exclude_each_other" 2 "either --members N" \
    genesis init --chain two --out three.json --members 4 --member x.pub
refused "no_members_at_all_are_wrong_usage" 2 "either --members N" \
    genesis init --chain two --out three.json

# ---- from public files only ----
mkdir real
for member in alpha beta gamma delta; do
    run keygen $member --network real --replica --out real/$member \
        --peer $member.example:7101 --client $member.example:7201
done
for name in bank shop; do run keygen $name --network real --out real/$name; done
run keygen bank --network real --out real/bank-2
mkdir public
cp real/*.pub public
init_real() {
    out=$1
    shift
    run genesis init --chain real --out "$out" --member public/alpha.pub --member public/beta.pub \
        --member public/gamma.pub --member public/delta.pub "$@"
}
init_real a.json --participant public/bank.pub --participant public/bank-2.pub \
    --participant public/shop.pub --governor bank --asset CZK:2:bank --asset PTS:0:shop \
    --balance shop/till=12:PTS --balance bank/main=0.01:CZK --json
json "init_from_public_files_answers" 'd["key_files"] == [] and d["members_count"] == 4'
run genesis show a.json --json
json "several_keys_of_one_name_are_one_participant" \
    '[(p["name"], p["role"], len(p["keys"])) for p in d["participants"]] ==
     [("bank", "governor", 2), ("shop", "none", 1)]'
json "members_stand_in_the_order_given" \
    '[m["name"] for m in d["members"]] == ["alpha", "beta", "gamma", "delta"]'
init_real b.json --participant public/shop.pub --participant public/bank-2.pub \
    --participant public/bank.pub --governor bank --asset PTS:0:shop --asset CZK:2:bank \
    --balance bank/main=0.01:CZK --balance shop/till=12:PTS
check "order_of_participants_does_not_change_the_file" cmp a.json b.json

members="--member public/alpha.pub --member public/beta.pub --member public/gamma.pub"
# shellcheck disable=SC2086
{
refused "three_member_files_are_too_few" 3 "members|allowed are 4 to 31" \
    genesis init --chain real --out c.json $members
refused "member_twice_is_refused" 3 "members[3]" \
    genesis init --chain real --out c.json $members --member public/beta.pub
refused "secret_file_as_member_is_refused" 3 \
    "'real/delta': this is a secret key file|'real/delta.pub'" \
    genesis init --chain real --out c.json $members --member real/delta
refused "secret_file_as_participant_is_refused" 3 "'real/bank': this is a secret|'real/bank.pub'" \
    genesis init --chain real --out c.json $members --member public/delta.pub \
    --participant real/bank
refused "participants_key_as_member_is_refused" 3 "'public/bank.pub'|--participant" \
    genesis init --chain real --out c.json $members --member public/bank.pub
refused "members_key_as_participant_is_refused" 3 "'public/delta.pub'|--member" \
    genesis init --chain real --out c.json $members --member public/delta.pub \
    --participant public/delta.pub
refused "key_of_another_network_is_refused" 3 "'public/alpha.pub'|'real'|'other'|hansa keygen" \
    genesis init --chain other --out c.json $members --member public/delta.pub
members="$members --member public/delta.pub --participant public/bank.pub"
refused "governor_that_is_nobody_is_said" 4 "--governor 'king'|--participant" \
    genesis init --chain real --out c.json $members --governor king
refused "missing_public_file_is_said" 5 "public/none.pub|No such file" \
    genesis init --chain real --out c.json $members --member public/none.pub
refused "asset_in_another_form_is_wrong_usage" 2 "--asset 'CZK:2'|CODE:DECIMALS:ISSUER|CZK:2:bank" \
    genesis init --chain real --out c.json $members --asset CZK:2
refused "asset_with_nine_decimals_is_refused" 2 "from 0 to 8|'9'" \
    genesis init --chain real --out c.json $members --asset CZK:9:bank
refused "asset_of_an_unknown_issuer_is_refused" 3 "assets[0].issuer|\"shop\"" \
    genesis init --chain real --out c.json $members --asset CZK:2:shop
refused "balance_in_another_form_is_wrong_usage" 2 "ACCOUNT=AMOUNT:ASSET" \
    genesis init --chain real --out c.json $members --asset CZK:2:bank --balance bank/main
for amount in 12.345 12.3 1e3 -1 +1 , ' 1.00' 184467440737095516.16; do
    refused "balance_of_'$amount'_is_refused" 3 "balances[0].amount|\"$amount\"" \
        genesis init --chain real --out c.json $members --asset CZK:2:bank \
        --balance "bank/main=$amount:CZK"
done
refused "unknown_parameter_is_refused" 3 "parameters|batch_mss" \
    genesis init --chain real --out c.json $members --parameter batch_mss=5
refused "parameter_out_of_range_names_itself_and_its_range" 2 \
    "--parameter pipeline_heights|from 1 to 64|'65'" \
    genesis init --chain real --out c.json $members --parameter pipeline_heights=65
refused "parameter_twice_is_wrong_usage" 2 "batch_ms stands twice" \
    genesis init --chain real --out c.json $members --parameter batch_ms=5 --parameter batch_ms=6
refused "parameter_in_range_that_breaks_a_rule_is_refused" 3 "parameters.window_heights|255" \
    genesis init --chain real --out c.json $members --parameter window_heights=255
refused "parameter_that_is_no_number_is_wrong_usage" 2 "--parameter|'five'" \
    genesis init --chain real --out c.json $members --parameter batch_ms=five
refused "chain_that_is_no_name_is_refused" 3 "--chain 'Real'" \
    genesis init --chain Real --out c.json $members
refused "directory_that_is_not_there_is_said" 5 "'nowhere/c.json'|No such file" \
    genesis init --chain real --out nowhere/c.json $members
}
check "refused_genesis_leaves_no_file" test ! -e c.json

# ---- files that are none ----
cut_short a.json 3 short.json
refused "truncated_genesis_is_refused" 3 "'short.json': line" genesis show short.json
(cat a.json && echo '{}') >more.json
refused "genesis_with_something_behind_is_refused" 3 "more.json" genesis show more.json
sed 's/"chain"/"chian"/' a.json >typo.json
refused "unknown_field_is_named" 3 "typo.json|chian" genesis show typo.json
refused "missing_genesis_is_said" 5 "show: 'none.json': cannot be opened|No such file" genesis show none.json
finish
