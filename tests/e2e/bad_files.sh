# Files and directories that a node cannot start with: the exit code as documented, the file and the
# cause in the words, nothing made, nothing changed.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
trap 'exit 1' HUP INT PIPE TERM

# ---- the key ----
with_key() { # NAME EXIT WORDS KEY
    stops "$1" "$2" "$3" --config m0.json --key "$4" --init
}
mkdir directory.key
with_key "directory_as_a_key_is_refused" 5 "--key: directory.key" directory.key
: >empty.key
printf 'hush hush\n' >noise.key
noise 200 >random.key
head -n 3 m0.key >short.key
cp m0.key.pub public.key
chmod 600 ./*.key
for what in empty noise random short public; do
    with_key "${what}_file_as_a_key_is_refused" 3 "$what.key" $what.key
done
cp m0.key locked.key
chmod 000 locked.key
if [ "$(id -u)" -ne 0 ]; then
    with_key "key_that_may_not_be_read_is_said" 5 "locked.key|Permission denied" locked.key
elif nobody=$(id -u nobody 2>/dev/null) && chmod 755 . &&
    setpriv --reuid "$nobody" --clear-groups test -x "$HANSAD" 2>/dev/null; then
    code=0
    setpriv --reuid "$nobody" --clear-groups "$HANSAD" --genesis genesis.json --key locked.key \
        --data dn --init >out 2>err || code=$?
    [ "$code" -eq 5 ] && problem= || problem="exit $code, not 5; "
    result "key_that_may_not_be_read_is_said" "$problem$(lacks err 'locked.key|Permission denied')"
else
    echo "not ok key_that_may_not_be_read_is_said # SKIP skipped: no other user to be"
fi
chmod 640 m1.key
with_key "key_that_the_group_can_read_is_refused" 3 "m1.key|chmod 600" m1.key
chmod 600 m1.key

# ---- the genesis file ----
for what in empty noise short; do
    case $what in short) head -c 300 genesis.json >short.json ;; *) cp $what.key $what.json ;; esac
    stops "${what}_file_as_a_genesis_is_refused" 3 "$what.json" --config m0.json --genesis $what.json --init
done
stops "genesis_that_is_not_there_is_said" 5 "--genesis: none.json|No such file" --config m0.json \
    --genesis none.json --init
stops "directory_as_a_genesis_is_refused" 5 "directory.key" --config m0.json --genesis directory.key --init

# ---- the configuration ----
good='"genesis": "genesis.json", "key": "m0.key", "data": "d0"'
bad_config() { # NAME EXIT WORDS TEXT
    printf '%s\n' "$4" >bad.json
    stops "$1" "$2" "bad.json|$3" --config bad.json --init
}
bad_config "unknown_field_is_named" 3 "genesys: unknown field" "{ \"hansad_config\": 1, $good, \"genesys\": 1 }"
bad_config "field_twice_is_refused" 3 "key" "{ \"hansad_config\": 1, $good, \"key\": \"m1.key\" }"
bad_config "another_version_is_refused" 3 "hansad_config: must be 1 (here: 2)" "{ \"hansad_config\": 2, $good }"
bad_config "text_for_a_number_is_refused" 3 "map_bytes" "{ \"hansad_config\": 1, $good, \"map_bytes\": \"1\" }"
bad_config "negative_number_is_refused" 3 "map_bytes" "{ \"hansad_config\": 1, $good, \"map_bytes\": -1 }"
bad_config "word_that_is_none_is_refused" 3 "log_level" "{ \"hansad_config\": 1, $good, \"log_level\": \"loud\" }"
bad_config "address_without_a_port_is_refused" 3 "peer_bind" "{ \"hansad_config\": 1, $good, \"peer_bind\": \"127.0.0.1\" }"
bad_config "what_is_no_json_is_refused" 3 "line" "{ \"hansad_config\": 1, $good"
bad_config "field_of_a_genesis_that_is_not_there_is_named" 5 "genesis: nosuch.json: cannot be opened" \
    '{ "hansad_config": 1, "genesis": "nosuch.json", "key": "m0.key", "data": "d0" }'
bad_config "field_of_a_key_that_is_not_there_is_named" 5 "key: nosuch.key: cannot be opened" \
    '{ "hansad_config": 1, "genesis": "genesis.json", "key": "nosuch.key", "data": "d0" }'
bad_config "field_of_a_data_directory_in_none_is_named" 5 "data: /nonexist/x/: it cannot be made" \
    '{ "hansad_config": 1, "genesis": "genesis.json", "key": "m0.key", "data": "/nonexist/x/" }'
stops "directory_as_a_configuration_is_refused" 5 "directory.key" --config directory.key

# ---- the data directory ----
# bad_data NAME EXIT WORDS DATA: by --check as by a start, and for the same reason.
bad_data() {
    stops "$1" "$2" "--data: $4: $3" --config m0.json --data "$4" --init
    result "$1_for_its_own_cause" "$(grep -o 'last commit' err)"
    stops "$1_by_check" "$2" "--data: $4: $3" --config m0.json --data "$4" --init --check
}
touch file
bad_data "file_as_a_data_directory_is_refused" 4 "Not a directory" file
bad_data "data_directory_in_none_is_refused" 5 "it cannot be made, for there is no directory none" none/d0
bad_data "data_directory_in_a_file_is_refused" 5 "Not a directory" file/d0
bad_data "data_directory_among_the_kernels_files_is_refused" 5 "nothing can be made in /proc" /proc/x
ln -s nowhere link
bad_data "link_to_nothing_as_a_data_directory_is_refused" 5 "it is a link to what is not there" link
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
    cat >inside.sh <<'SH'
mkdir ro && mount -t tmpfs -o ro tmpfs ro && "$@"
SH
    for check in "" --check; do
        code=0
        unshare -m sh inside.sh "$HANSAD" --config m0.json --data ro/d0 --init $check >out 2>err || code=$?
        rm -rf ro
        problem=$(lacks err "--data: ro/d0: nothing can be made in ro: Read-only file system")
        [ "$code" -eq 5 ] || problem="exit $code, not 5; $problem"
        result "data_directory_on_a_disk_that_is_read_only_is_refused$check" "$problem"
    done
else
    echo "not ok data_directory_on_a_disk_that_is_read_only_is_refused # SKIP skipped: no mount namespaces here"
fi
mkdir full
printf 'something else\n' >full/data.mdb
stops "file_that_is_no_store_is_refused" 1 "full" --config m0.json --data full --init
[ "$(cat full/data.mdb)" = "something else" ] && problem= || problem="it was changed"
result "and_is_left_as_it_was" "$problem"

# ---- nothing was made ----
rm link
check "no_marker_was_written" sh -c '! ls ./*.marker 2>/dev/null'
check "no_store_was_made" sh -c '! ls d0 none dn 2>/dev/null'
start 0 --init
passes "with_the_right_ones_it_starts" until_true has 0 "durable_height 0"
end 0
[ "$code" -eq 0 ] && problem= || problem="exit $code"
result "and_ends" "$problem"
finish
