#!/bin/sh
# regression_test.sh RETAKE_SIM REPLAY FOLLOWED: the clean tree follows the schedule for exactly FOLLOWED choices, up to the repair, and ends well
# without the fault. A schedule that is left elsewhere shows nothing: ./retake mutants --record finds it anew. That it is followed to
# its end with the fault is asked where the patches are tried (fuzz/campaign/regressions.hpp).
set -u
said=$("$1" replay --continue --json "$2") || { echo "$said"; echo "exit code $?"; exit 1; }
case $said in *'"reproduced":false'*) ;; *) echo "$said"; echo "the clean tree fails as the mutant did"; exit 1 ;; esac
followed=$(printf '%s\n' "$said" | sed -n 's/.*"followed":\([0-9]*\),.*/\1/p')
[ "$followed" = "$3" ] || { echo "$said"; echo "followed for $followed choices, recorded are $3"; exit 1; }
