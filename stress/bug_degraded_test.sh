#!/bin/sh
# bug_degraded_test.sh HOW CODES TEXT PROGRAM [ARGUMENT...]: a bug program where something is forbidden or missing ends with one of CODES (0|3) and says TEXT.
how=$1 codes=$2 text=$3 program=$4
shift 4
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
chmod 755 "$here"
cp "$program" "$here/program"  # where everybody may run it
program=$here/program
skip() { echo "skipped: $*"; exit 77; }
as_user() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi; }
case $how in
  without_*) unshare -Urm true 2>/dev/null || skip "user namespaces are not allowed here, so nothing can be hidden from the program" ;;
esac
case $how in
  unprivileged) as_user "$program" "$@" ;;
  with_few_threads) as_user prlimit --nproc=300 "$program" "$@" ;;
  without_namespaces) unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"' sh "$program" "$@" ;;
  without_faketime) unshare -Urm sh -c 'for d in /usr/lib/*/faketime /usr/lib*/faketime; do [ ! -d "$d" ] || mount -t tmpfs none "$d" || exit 77; done; exec "$@"' sh "$program" "$@" ;;
  *) exit 2 ;;
esac >"$here/log" 2>&1
got=$?
case "|$codes|" in *"|$got|"*) grep -Eq "$text" "$here/log" && exit 0 ;; esac
cat "$here/log"
echo "exit code $got, expected $codes and \"$text\""
exit 1
