-- For wrk: every body must be the file's, byte for byte. The file is the first argument.
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args)
  local file = assert(io.open(args[1], "rb"))
  expected = file:read("*a")
  file:close()
  others = 0
end
function response(status, headers, body)
  if body ~= expected then others = others + 1 end
end
function done(summary, latency, requests)
  local others, errors = 0, summary.errors
  for _, thread in ipairs(threads) do others = others + thread:get("others") end
  io.write(string.format('{"requests":%d,"seconds":%.3f,"other_bodies":%d,"other_statuses":%d,"socket_errors":%d,"p50_ms":%.2f,"p99_ms":%.2f}\n',
    summary.requests, summary.duration / 1e6, others, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
