# cli.bash - sourced by the scripts that test the command.
#
# Each script runs in a scratch folder of its own, checks one topic, goes on after a failure, and
# ends with finish. VARVE names the command. Exit code 77 means skipped.
set -u
: "${VARVE:?set VARVE to the varve command}"
support=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export LC_ALL=C
failures=0

fail() {
    failures=$((failures + 1))
    printf 'FAILED (line %s): %s\n' "${BASH_LINENO[1]}" "$*"
}

skip() {
    echo "skipped: $*"
    exit 77
}

finish() {
    [ "$failures" -eq 0 ] || { echo "$failures checks failed"; exit 1; }
    exit 0
}

# run CODE ARGUMENT...: runs the command; its output is in the files out and err. Its exit code must
# be CODE.
run() {
    local want=$1 code=0
    shift
    "$VARVE" "$@" >out 2>err </dev/null || code=$?
    [ "$code" -eq "$want" ] || fail "varve $*: exit code $code, not $want: $(head -c 300 err)"
}

# prints TEXT: what the last run wrote on standard output is exactly TEXT (and a line feed).
prints() {
    local want=$1
    [ -z "$want" ] || want+=$'\n'
    printf '%s' "$want" >want
    cmp -s want out || fail "output differs:
$(diff want out | head -20)"
}

# says PATTERN: a line on standard error matches the extended regular expression.
says() {
    grep -Eq -- "$1" err || fail "no message matches \"$1\": $(head -c 300 err)"
}

# says_nothing: nothing was written on standard error.
says_nothing() {
    [ ! -s err ] || fail "unexpected words: $(head -c 300 err)"
}
