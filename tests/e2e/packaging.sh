# What `make install` puts where, and that the service file speaks of programs, options, paths and exit
# codes that there are.
. "$(dirname "$0")/lib.sh"
HANSAD=$BUILD/hansad
export BUILD

# Nothing is built here: the programs are there, and -o keeps make from looking further.
installs() { # DIRECTORY PREFIX
    make -s -C "$SOURCES" BUILD="$BUILD" DESTDIR="$WORK/$1" PREFIX="$2" -o all install
}
check "install_goes_below_destdir" installs root /opt/hansa
unit=root/opt/hansa/lib/systemd/system/hansad@.service
docs=root/opt/hansa/share/doc/hansa
for program in hansa hansad; do
    check "installed_${program}_runs" "root/opt/hansa/bin/$program" --version
done
check "nothing_is_left_to_fill_in" sh -c "! grep -rn '@[a-z]*dir@' root/opt/hansa/lib $docs"
check "files_of_the_service_can_be_read_by_all" sh -c \
    "! find $unit $docs -type f ! -perm 644 | grep . "

# ---- the service file ----
value_of() { sed -n "s/^$1=//p" "$unit"; }
program=$(value_of ExecStart | cut -d' ' -f1)
check "the_service_starts_what_was_installed" test -x "root$program"
"$HANSAD" --help >help
problem=
for option in $(value_of ExecStart | tr ' ' '\n' | grep '^-'); do
    grep -q -e "^  $option " help || problem="${problem}hansad has no $option; "
done
result "its_options_are_hansads" "$problem"
check "its_documentation_is_installed" test -f "root$(value_of Documentation | sed 's/^file://')"

# All exit codes but 0 and 5, of which the environment can be cured while hansad is down.
sed -n 's/^  \([0-9]\)  .*/\1/p' help | grep -v '[05]' >out
value_of RestartPreventExitStatus | tr ' ' '\n' >err
result "an_operator_comes_before_a_restart_where_there_is_nothing_to_retry" \
    "$(cmp -s out err || echo 'hansad --help has other codes')"
result "exit_5_is_still_the_environment" "$(lacks help '  5  the environment')"
most=$(sed -n 's/.*NET_DESCRIPTORS_MAX = \([0-9]*\).*/\1/p' "$SOURCES/net/limits.h")
result "its_open_files_are_those_hansad_wants" \
    "$([ "$(value_of LimitNOFILE)" = "$most" ] || echo "$most in net/limits.h")"

if command -v systemd-analyze >/dev/null; then
    # It looks for the program where the file says.
    sed "s|^ExecStart=[^ ]*|ExecStart=$WORK/root$program|" "$unit" >'hansad@.service'
    ln -s 'hansad@.service' 'hansad@alpha.service'
    systemd-analyze verify --man=no ./hansad@alpha.service >out 2>err
    code=$?
    result "systemd_accepts_the_service" "$([ $code -eq 0 ] || echo "exit $code")$(grep -n 'hansad@' err)"
else
    echo "not ok systemd_accepts_the_service # SKIP skipped: there is no systemd-analyze"
fi

# ---- the example configuration, with files of our own in the places it names ----
"$HANSA" genesis init --chain demo --out genesis.json --members 4 --keys-dir keys >/dev/null
mkdir -p state/alpha
state=$(value_of StateDirectory | sed 's/%i/alpha/')
result "its_paths_are_the_services" "$(lacks $docs/node.json "\"/var/lib/$state/alpha.key\"|\"/var/lib/$state/data\"|\"/etc/hansa/genesis.json\"")"
cp keys/*0*.key state/alpha/alpha.key
sed "s|/var/lib/hansa|$WORK/state|; s|/etc/hansa|$WORK|; s|0.0.0.0:|127.0.0.1:|; s|1073741824|1048576|" \
    $docs/node.json >alpha.json
check "the_example_configuration_is_accepted" "$HANSAD" --config alpha.json --init --check
problem=
for file in node.json hansa.nft hansad@.service README.md; do
    grep -q -F "$file" $docs/README.md || problem="${problem}nothing of $file; "
done
result "the_text_names_what_is_installed" "$problem"
problem=
for option in $(grep -o 'hansad --[^#]*' $docs/README.md | grep -o -e '--[a-z-]*' | sort -u); do
    grep -q -e "^  .*$option\b" help || problem="${problem}hansad has no $option; "
done
result "the_options_in_the_text_are_hansads" "$problem"
finish
