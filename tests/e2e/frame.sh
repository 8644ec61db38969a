# The tool's frame: help, version, wrong usage, and where answers and complaints go.
. "$(dirname "$0")/lib.sh"

# ---- help and version ----
accepted "help_of_the_tool_lists_commands_and_exit_codes" \
    "keygen |genesis init|receipt verify|exit codes:|0  done|6  refused by the ledger" --help
accepted "version_is_said" "hansa " --version
run --version --json
json "version_is_json_too" 'list(d) == ["version"]'
run --help --json
json "help_is_json_too" \
    '{c["code"] for c in d["exit_codes"]} == set(range(8)) and len(d["commands"]) > 10'
/usr/bin/python3 -c '
import json
for c in json.load(open("out"))["commands"]: print(c["command"])' >commands
while IFS= read -r command; do
    # shellcheck disable=SC2086
    accepted "help_of_$(echo "$command" | tr ' ' '_')_has_example_and_exit_codes" \
        "usage: hansa $command|example:|hansa $command|exit codes:|  0 |--json|--help" $command --help
done <commands
accepted "help_about_help_is_that_of_the_tool" "keygen |usage: hansa COMMAND|exit codes:" help help
accepted "help_about_help_goes_on_with_a_command" "usage: hansa keygen" help help keygen
accepted "help_of_a_first_word_lists_its_commands" "key show" key --help
accepted "help_is_given_although_the_rest_is_wrong" "usage: hansa keygen" keygen --help

accepted "help_as_a_word_lists_commands" "keygen |exit codes:|\"holds\": true" help
accepted "help_as_a_letter_lists_commands" "keygen |exit codes:" -h
accepted "help_as_a_word_shows_a_command" "usage: hansa receipt verify" help receipt verify
accepted "help_as_a_letter_shows_a_command" "usage: hansa keygen|alpha.key.pub" keygen -h
accepted "help_as_a_word_shows_a_group" "key show" help key
accepted "help_of_sign_shows_its_group" "usage: hansa sign --ops|one alone|sign key-revoke" help sign
accepted "help_of_export_says_what_json_changes" "lines are the same" help export

# ---- wrong usage ----
refused "no_command_is_wrong_usage" 2 "no command|hansa --help"
refused "unknown_command_names_the_nearest" 2 "'keygne'|did you mean 'keygen'?" keygne
refused "unknown_second_word_names_the_nearest" 2 "'genesis shwo'|'genesis show'" genesis shwo
refused "first_word_alone_names_a_command" 2 "one more word: key show" key
refused "unknown_second_word_lists_what_there_is" 2 \
    "no command 'sign bogus'|sign --ops FILE.json, sign transfer, sign issue|sign cancel" sign bogus
refused "unknown_second_word_far_from_all_lists_them_too" 2 "there are: record get, record history" \
    record bogus
refused "help_of_an_unknown_command_is_refused" 2 "'keygne'|'keygen'" help keygne
refused "word_far_from_all_commands_names_none" 2 "no command 'xylophone'" xylophone
refused "unknown_option_names_the_nearest" 2 "'--netwrok'|did you mean '--network'?" \
    keygen alice --netwrok demo
refused "unknown_option_with_value_names_the_nearest" 2 "did you mean '--network'?" \
    keygen alice --netwrk=demo
refused "short_option_is_unknown" 2 "no option '-o'" keygen alice --network demo -o x
refused "option_without_its_value_is_refused" 2 "--network needs a value: --network CHAIN" \
    keygen alice --network
refused "option_in_place_of_a_value_is_refused" 2 "--out needs a value|--out=..." \
    keygen alice --out --network demo
refused "flag_with_a_value_is_refused" 2 "--replica takes no value" \
    keygen alice --network demo --replica=yes
refused "option_twice_is_refused" 2 "--network stands twice" \
    keygen alice --network demo --network=demo
refused "missing_option_is_named_and_explained" 2 "--network CHAIN is missing|keygen --help" \
    keygen alice
refused "missing_argument_is_named_and_explained" 2 "NAME is missing" keygen --network demo
refused "one_word_too_many_is_refused" 2 "'bob' is one word too many" \
    keygen alice bob --network demo
refused "word_of_escapes_is_made_printable" 2 "'\\x1b[31mred'" "$(printf '\033[31mred')"
refused "word_that_is_not_utf8_is_made_printable" 2 "'caf\\xe9'" "$(printf 'caf\351')"
refused "word_that_is_very_long_is_cut" 2 "aaaa...'" "$(head -c 3000 /dev/zero | tr '\0' a)"

# ---- where things go ----
accepted "options_after_two_dashes_are_words" "public key:" keygen --network demo -- after
accepted "json_before_the_command_is_understood" '"name": "before"' \
    --json keygen before --network demo
code=0
"$HANSA" --help >/dev/full 2>err || code=$?
: >out
problem=
[ "$code" -eq 5 ] || problem="exit $code, not 5"
[ "$(wc -l <err)" -eq 1 ] || problem="${problem}not one line on stderr"
result "answer_that_cannot_be_written_is_a_failure" "$problem"
finish
