# as_nobody.sh: what the tests without privileges share, to be sourced. The arguments of the test are its programs: the build may lie where nobody may look.
# As root we become nobody first; else we are one already.
as_nobody=
[ "$(id -u)" != 0 ] || as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
cp "$@" "$place"
cd "$place" || exit 1
expect() {  # code text command...
  wanted=$1 text=$2
  shift 2
  "$@" >log 2>&1
  got=$?
  [ "$got" = "$wanted" ] && grep -aq "$text" log && return
  cat log
  echo "$* ended with $got, expected $wanted and \"$text\""
  exit 1
}
