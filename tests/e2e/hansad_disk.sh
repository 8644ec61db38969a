# A node whose disk runs low, and full: a small disk of its own (tmpfs in a mount namespace) for the
# fourth of four. Below its reserve it takes no transactions, goes on voting and reading, and
# recovers by itself; really full, it ends with the cause and goes on once there is room.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
if ! unshare -rm true 2>/dev/null; then
    echo "not ok node_on_a_small_disk # SKIP skipped: no mount namespaces here"
    exit 0
fi

# The fourth node lives inside the namespace; it is started, and its disk filled and emptied, when a
# file asks for it. Its exit code is left in exit3.
mkdir d3
cat >inside.sh <<'SH'
mount -t tmpfs -o size=48m tmpfs d3 || exit 1
while [ ! -e leave ] && [ -e inside.sh ]; do
    if [ -e fill ]; then # all but so many KiB
        free=$(df -k d3 | awk 'NR == 2 { print $4 }')
        dd if=/dev/zero of=d3/filler bs=1024 count=$((free - $(cat fill))) 2>/dev/null
        rm -f fill
    fi
    if [ -e empty ]; then
        rm -f d3/filler empty
    fi
    if [ -e go ]; then
        "$1" --config m3.json --disk-reserve-bytes 16777216 $(cat go) 2>>m3.log &
        pid=$!
        sleep 0.2
        echo "$pid" >m3.pid
        rm -f go
    fi
    if [ -e m3.pid ] && [ "$(readlink "/proc/$pid/exe")" != "$1" ]; then
        code=0
        wait "$pid" || code=$?
        rm -f m3.pid
        echo "$code" >exit3
    fi
    sleep 0.05
done
SH
unshare -rm sh inside.sh "$HANSAD" &
ask() { # FILE WORDS: and wait until it is done
    echo "$2" >"$1.new"
    mv "$1.new" "$1"
    until_true test ! -e "$1"
}

for i in 0 1 2; do start $i --init; done
ask go --init
passes "four_nodes_find_each_other" until_true all_have "live 4"
check "transactions_commit" submit 3 20 60

# ---- below the reserve ----
ask fill 8192
passes "node_below_its_reserve_takes_no_transactions" until_true has 3 "takes_transactions 0"
grep disk_low m3.log >out
result "the_log_says_so" "$(lacks out 'level=error|free_bytes=|reserve_bytes=16777216|votes and reads go on')"
for seconds in 2 20 60; do
    submit 3 1 $seconds 1 stay >out 2>err && problem="it took one" || problem=
    ! grep -q 'node 3: busy' err || break
done
result "a_client_is_told_busy" "$problem$(lacks err 'node 3: busy')"
check "others_take_them" submit 0 20 60
passes "it_follows_and_answers_reads" until_true all_at_height_of 0
before=$(height 3)
signal STOP 1 # now its vote is needed
check "it_votes" submit 0 5 60
signal CONT 1
has_grown() { [ "$(height 3)" -gt "$before" ]; }
passes "its_ledger_grows" until_true has_grown
ask empty now
passes "with_room_again_it_takes_transactions" until_true has 3 "takes_transactions 1"
check "and_they_commit" submit 3 5 60

# ---- really full ----
ask fill 0
submit 0 200 60 >out 2>err
passes "node_on_a_full_disk_ends" until_true test -e exit3
result "its_exit_is_of_the_environment" "$(lacks exit3 5)"
tail -n 1 m3.log >out
result "the_cause_and_the_next_step_are_said" "$(lacks out 'event=stopped|RC_DISK_FULL|free some room and start again')"
check "three_go_on" submit 0 20 60
rm -f exit3
ask go ""
passes "without_room_it_ends_again" until_true test -e exit3
ask empty now
rm -f exit3
ask go ""
passes "with_room_it_goes_on" until_true all_have "live 4"
passes "and_catches_up" until_true all_at_height_of 0
touch leave
finish
