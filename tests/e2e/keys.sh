# `hansa keygen` and `hansa key show`.
. "$(dirname "$0")/lib.sh"

# ---- making keys ----
accepted "keygen_says_both_files_the_key_and_what_is_next" \
    "public key:|'alice.key'|'alice.key.pub'|next:|hansa genesis init --chain demo|--participant|further key|hansa sign key-add --new-key 'alice.key'" \
    keygen alice --network demo
check "secret_file_has_mode_0600" test "$(stat -c %a alice.key)" = 600
check "public_file_has_no_secret" sh -c '! grep -q secret alice.key.pub'
run keygen bob --network demo --json --out keys-of-bob
json "keygen_is_json_too" 'd["name"] == "bob" and d["network"] == "demo" and
    d["kind"] == "participant" and len(d["public_key"]) == 64 and d["protected"] is False and
    d["secret_file"] == "keys-of-bob" and d["public_file"] == "keys-of-bob.pub"'
accepted "keygen_of_a_replica_takes_addresses" "--member 'alpha.key.pub'" keygen alpha \
    --network demo --replica --peer 127.0.0.1:7101 --client '[::1]:7201'
n32=abcdefghijklmnopqrstuvwxyz-01234
accepted "name_of_32_is_the_longest" "public key:" keygen "$n32" --network "$n32"

refused "existing_secret_file_is_not_overwritten" 5 "keygen: 'alice.key': the file exists already|choose another name" \
    keygen alice --network demo
rm alice.key
refused "existing_public_file_is_not_overwritten" 5 "keygen: 'alice.key.pub': the file exists already" \
    keygen alice --network demo
check "nothing_is_left_of_a_refused_key" test ! -e alice.key
rm alice.key.pub
run keygen alice --network demo
refused "name_of_33_is_refused" 3 "'${n32}5'|1 to 32" keygen "${n32}5" --network demo
refused "name_in_capitals_is_refused" 3 "'Alice'|a-z" keygen Alice --network demo
refused "network_that_is_no_name_is_refused" 3 "--network 'de mo'" keygen x --network 'de mo'
refused "replica_without_addresses_is_wrong_usage" 2 "--peer HOST:PORT" \
    keygen beta --network demo --replica
refused "addresses_without_replica_are_wrong_usage" 2 "add --replica" \
    keygen beta --network demo --peer 127.0.0.1:1
refused "address_with_a_bad_port_is_refused" 3 "--peer '127.0.0.1:65536'|HOST:PORT" keygen beta \
    --network demo --replica --peer 127.0.0.1:65536 --client 127.0.0.1:1
refused "directory_that_is_not_there_is_said" 5 "keygen: 'nowhere/x': cannot be made: No such file|make that directory first" \
    keygen x --network demo --out nowhere/x
check "refused_keys_leave_no_files" sh -c '! ls beta* x* 2>/dev/null'

# ---- passphrases ----
printf 'correct horse\n' >pass
chmod 600 pass
printf 'wrong horse\n' >wrong
chmod 600 wrong
accepted "keygen_with_a_passphrase_encrypts" "opens with its passphrase only" \
    keygen carol --network demo --passphrase-file pass
check "encrypted_file_says_so" grep -q '^protection: argon2id' carol.key
accepted "key_show_needs_no_passphrase" "name:            carol" key show carol.key
refused "both_ways_of_passphrases_are_wrong_usage" 2 "use one" \
    keygen d --network demo --passphrase --passphrase-file pass
chmod 640 pass
refused "passphrase_file_for_others_is_refused" 3 "'pass'|0640|chmod 600" \
    keygen d --network demo --passphrase-file pass
chmod 600 pass
: >empty
chmod 600 empty
refused "empty_passphrase_file_is_refused" 3 "'empty'|one byte" \
    keygen d --network demo --passphrase-file empty
printf 'one\ntwo\n' >two
chmod 600 two
refused "passphrase_of_two_lines_is_refused" 3 "one line" \
    keygen d --network demo --passphrase-file two
head -c 1025 /dev/zero | tr '\0' a >long
chmod 600 long
refused "passphrase_of_1025_bytes_is_refused" 3 "at most 1024" \
    keygen d --network demo --passphrase-file long
refused "missing_passphrase_file_is_said" 5 "'none'|No such file" \
    keygen d --network demo --passphrase-file none
code=0
setsid "$HANSA" keygen d --network demo --passphrase >out 2>err </dev/null || code=$?
problem=$(lacks err "no terminal|--passphrase-file")
[ "$code" -eq 5 ] || problem="exit $code, not 5; $problem"
result "passphrase_without_a_terminal_names_the_option" "$problem"

# ---- asking at a terminal ----
cat >ask.py <<'PY'
# Run the tool on a terminal of its own and type lines, each after a question. Prints what the
# terminal showed; its last line is the exit code.
import os, pty, sys
lines, words = sys.argv[1].split("|"), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(words[0], words)
shown = b""
for line in lines:
    before = len(shown)
    while b": " not in shown[before:]:
        shown += os.read(fd, 4096)
    os.write(fd, line.encode() + b"\n")
while True:
    try:
        more = os.read(fd, 4096)
    except OSError:
        break
    if not more:
        break
    shown += more
print(shown.decode().replace("\r", ""))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
ask() {
    lines=$1
    shift
    timeout 60 /usr/bin/python3 ask.py "$lines" "$HANSA" "$@" >out 2>err
    code=$(tail -n 1 out)
}
ask 'hush hush|hush hush' keygen erin --network demo --passphrase
problem=$(lacks out "New passphrase for 'erin.key'|Once more|only")
[ "$code" = 0 ] || problem="exit $code, not 0; $problem"
! grep -q 'hush hush' out || problem="${problem}the passphrase was shown"
result "passphrase_is_asked_twice_without_echo" "$problem"
ask 'hush hush|hush hash' keygen fred --network demo --passphrase
problem=$(lacks out "differ")
[ "$code" = 3 ] || problem="exit $code, not 3; $problem"
[ ! -e fred.key ] || problem="${problem}a key was made"
result "passphrases_that_differ_make_no_key" "$problem"

# ---- showing keys ----
accepted "key_show_of_a_secret_file" "name:            alice|network:         demo|participant" \
    key show alice.key
grep '^public key' out >from-secret
accepted "key_show_of_a_public_file" "name:            alice" key show alice.key.pub
grep '^public key' out >from-public
check "both_files_show_one_key" cmp from-public from-secret
run key show alpha.key --json
json "key_show_of_a_replica_is_json_too" 'd["kind"] == "replica" and len(d["link_key"]) == 64 and
    d["peer"] == "127.0.0.1:7101" and d["client"] == "[::1]:7201"'
chmod 644 alice.key
refused "secret_file_for_others_is_refused" 3 "alice.key|0644|chmod 600" key show alice.key
chmod 600 alice.key
refused "missing_key_file_is_said" 5 "show: 'nobody.key': cannot be opened: No such file" key show nobody.key
refused "empty_path_is_quoted" 5 "show: '': cannot be opened" key show ''
refused "path_that_leaves_no_room_for_words_still_has_some" 5 "aaa...'|a path of 700 bytes" \
    key show "$(head -c 700 /dev/zero | tr '\0' a)"
refused "directory_is_no_key_file" 5 "is not a file" key show .
cut_short alice.key 10 short.key
chmod 600 short.key
refused "truncated_key_file_is_refused" 3 "short.key" key show short.key
(cat alice.key && echo 'more: here') >more.key
chmod 600 more.key
refused "key_file_with_a_line_more_is_refused" 3 "more.key" key show more.key
refused "data_directory_that_is_none_is_said" 4 "show: '.': there is no Hansa store" key show alice.key --dir .
finish
