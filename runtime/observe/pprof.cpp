#include "observe/pprof.hpp"

#include <algorithm>
#include <map>
#include <protozero/pbf_writer.hpp>
#include <tuple>

namespace retake::observe {

namespace {

// Field numbers of profile.proto.
namespace profile {
enum : std::uint32_t {
  sample_type = 1,
  sample = 2,
  location = 4,
  function = 5,
  string_table = 6,
  time_nanos = 9,
  default_sample_type = 14
};
}
namespace value_type {
enum : std::uint32_t { type = 1, unit = 2 };
}
namespace sample {
enum : std::uint32_t { location_id = 1, value = 2 };
}
namespace location {
enum : std::uint32_t { id = 1, address = 3, line = 4 };
}
namespace line {
enum : std::uint32_t { function_id = 1, number = 2 };
}
namespace function {
enum : std::uint32_t { id = 1, name = 2, system_name = 3, filename = 4 };
}

// Things that are named once and referred to by number; numbers begin at `first`.
template <class Key>
class numbered {
 public:
  explicit numbered(std::uint64_t first) : next_(first) {}
  // The number, and whether it is new.
  std::pair<std::uint64_t, bool> of(Key const& key) {
    const auto [at, is_new] = numbers_.try_emplace(key, next_);
    if (is_new) ++next_;
    return {at->second, is_new};
  }

 private:
  std::map<Key, std::uint64_t> numbers_;
  std::uint64_t next_;
};

class writer {
 public:
  writer() { text(""); }  // the format wants it first

  std::int64_t text(std::string const& s) {
    const auto [number, is_new] = texts_.of(s);
    if (is_new) strings_.push_back(s);
    return static_cast<std::int64_t>(number);
  }

  void type(std::string const& name) {
    protozero::pbf_writer one(out_, profile::sample_type);
    const std::size_t slash = std::min(name.find('/'), name.size());
    one.add_int64(value_type::type, text(name.substr(0, slash)));
    one.add_int64(value_type::unit, text(slash < name.size() ? name.substr(slash + 1) : "count"));
  }

  void add(pprof_sample const& s) {
    std::vector<std::uint64_t> ids;
    for (stack_frame const& frame : s.stack) ids.push_back(location_of(frame));
    protozero::pbf_writer one(out_, profile::sample);
    one.add_packed_uint64(sample::location_id, ids.begin(), ids.end());
    one.add_packed_int64(sample::value, s.values.begin(), s.values.end());
  }

  std::string finish(std::string const& default_type, std::int64_t walltime_ns) {
    out_.add_int64(profile::time_nanos, walltime_ns);
    out_.add_int64(profile::default_sample_type, text(default_type));
    for (std::string const& s : strings_) out_.add_string(profile::string_table, s);
    return std::move(bytes_);
  }

 private:
  std::uint64_t location_of(stack_frame const& frame) {
    const auto [number, is_new] = locations_.of({frame.function, frame.file, frame.line, frame.address});
    if (!is_new) return number;
    const std::uint64_t what = function_of(frame);
    protozero::pbf_writer one(out_, profile::location);
    one.add_uint64(location::id, number);
    one.add_uint64(location::address, frame.address);
    protozero::pbf_writer where(one, location::line);
    where.add_uint64(line::function_id, what);
    where.add_int64(line::number, frame.line);
    return number;
  }

  std::uint64_t function_of(stack_frame const& frame) {
    const auto [number, is_new] = functions_.of({frame.function, frame.file});
    if (!is_new) return number;
    const std::string name = frame.function.empty() ? "?" : frame.function;
    protozero::pbf_writer one(out_, profile::function);
    one.add_uint64(function::id, number);
    one.add_int64(function::name, text(name));
    one.add_int64(function::system_name, text(name));
    one.add_int64(function::filename, text(frame.file));
    return number;
  }

  std::string bytes_;
  protozero::pbf_writer out_{bytes_};
  numbered<std::string> texts_{0};
  std::vector<std::string> strings_;
  numbered<std::tuple<std::string, std::string, std::uint32_t, std::uintptr_t>> locations_{1};
  numbered<std::pair<std::string, std::string>> functions_{1};
};

}  // namespace

std::string pprof_bytes(std::vector<std::string> const& types, std::vector<pprof_sample> const& samples,
                        std::int64_t walltime_ns) {
  writer out;
  for (std::string const& one : types) out.type(one);
  for (pprof_sample const& one : samples) out.add(one);
  return out.finish(types.front(), walltime_ns);
}

}  // namespace retake::observe
