#!/usr/bin/env bash
# line_of_order.sh HEADER ORDER: the line of the world operation that the comment `// [ORDER] ...`
# stands above.
operation='(load|store|exchange|fetch_[a-z]+|fence)_(relaxed|acquire|release|acq_rel|seq_cst)[(]|futex_wake[(]'
awk -v order="// [$2] " -v operation="$operation" '
  index($0, order) { found = NR }
  found && $0 !~ /^ *\/\// && $0 ~ operation { print NR; exit }' "$1"
