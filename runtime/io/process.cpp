#include "retake/process.hpp"

#include <algorithm>

#include "io/polled_file.hpp"
#include "io/results.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "world/kernel.hpp"

namespace retake {

namespace kernel = world::kernel;

using detail::asked;
using detail::code_of;
using detail::error_of;
using detail::polled_file;

namespace {

// A C interface would take what stands before it.
bool has_zero_byte(std::string const& text) noexcept { return text.find('\0') != std::string::npos; }
bool has_zero_byte(std::vector<std::string> const& texts) noexcept {
  return std::any_of(texts.begin(), texts.end(), [](std::string const& text) { return has_zero_byte(text); });
}

std::vector<char*> list_of(std::vector<std::string> const& texts) {
  std::vector<char*> list;
  for (std::string const& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

// The child's side of one of its first three files; ours goes into `mine`.
struct child_end {
  int fd = kernel::no_file;
  bool owned = false;
  ~child_end() {
    if (owned) kernel::close(fd);
  }

  std::error_code choose(redirect how, int given, int number, stream& mine) {
    switch (how) {
      case redirect::null: return {};
      case redirect::inherit: fd = number; return {};
      case redirect::file:
        fd = given;
        return fd < 0 ? std::make_error_code(std::errc::bad_file_descriptor) : std::error_code();
      case redirect::output: return std::make_error_code(std::errc::invalid_argument);
      case redirect::pipe: break;
    }
    int ends[2];
    if (const int failed = kernel::pipe(ends); failed != 0) return error_of(failed);
    const bool child_reads = number == 0;
    fd = ends[child_reads ? 0 : 1];
    owned = true;
    static_cast<void>(
        kernel::set_nonblocking(fd, false));  // programs expect that; our side is another file description
    result<stream> ours = detail::handle_for<stream>(ends[child_reads ? 1 : 0]);
    if (!ours) return ours.error();
    mine = std::move(*ours);
    return {};
  }
};

}  // namespace

static_assert(process_options::same_group == kernel::same_group);

result<exit_status> process::wait() {
  kernel::exit_status ended;
  const std::int64_t failed = asked(descriptor_.file_, [&](polled_file& f) {
    return f.reading([&] { return std::int64_t{kernel::reap_process(f.fd(), ended)}; });
  });
  if (failed < 0) return error_of(failed);
  return exit_status{ended.code, ended.signal, std::chrono::nanoseconds(ended.user_ns),
                     std::chrono::nanoseconds(ended.system_ns), ended.memory_max_bytes};
}

result<exit_status> process::wait(context const& until, process_ending how) {
  channel<never_sent> ended;
  wait_group helper;
  helper.go([&] {
    bool over = false;
    const auto ends_by_itself = [&] { return on_receive(ended, [&](auto) { over = true; }); };
    select(ends_by_itself(), on_receive(until.done(), [](auto) {}));
    if (!over && how.signal != 0 && !signal(how.signal)) select(ends_by_itself(), after(how.delay, [] {}));
    if (!over) static_cast<void>(signal(kernel::kill_signal));
  });
  result<exit_status> status = wait();
  ended.close();
  helper.wait();
  return status;
}

std::error_code process::signal(int number) {
  return code_of(asked(descriptor_.file_, [&](polled_file& f) {
    return f.at_once([&] { return kernel::signal_process(f.fd(), number); });
  }));
}

result<process> spawn(process_options const& options) {
  if (options.arguments.empty()) return std::make_error_code(std::errc::invalid_argument);
  if (has_zero_byte(options.arguments) || has_zero_byte(options.directory) ||
      (options.environment && has_zero_byte(*options.environment))) {
    return std::make_error_code(std::errc::invalid_argument);
  }
  stream input, output, error;
  child_end ends[3];
  if (const std::error_code failed = ends[0].choose(options.input, options.input_file, 0, input)) return failed;
  if (const std::error_code failed = ends[1].choose(options.output, options.output_file, 1, output)) return failed;
  if (options.error == redirect::output) {
    ends[2].fd = ends[1].fd;
  } else if (const std::error_code failed = ends[2].choose(options.error, options.error_file, 2, error)) {
    return failed;
  }
  std::vector<int> files{ends[0].fd, ends[1].fd, ends[2].fd};
  files.insert(files.end(), options.files.begin(), options.files.end());
  const std::vector<char*> arguments = list_of(options.arguments);
  const std::vector<char*> environment = options.environment ? list_of(*options.environment) : std::vector<char*>{};
  kernel::spawn_request what;
  what.path = options.arguments[0].c_str();
  what.arguments = arguments.data();
  what.environment = options.environment ? environment.data() : nullptr;
  what.directory = options.directory.empty() ? nullptr : options.directory.c_str();
  what.files = files.data();
  what.file_count = files.size();
  what.group = options.group;
  what.session = options.session;
  kernel::spawn_credentials rights;
  if (options.credentials) {
    rights = {options.credentials->user, options.credentials->group, options.credentials->groups.data(),
              options.credentials->groups.size()};
    what.credentials = &rights;
  }
  const int number = syscall([&] { return kernel::spawn(what); });
  if (number < 0) return error_of(number);
  const int descriptor = kernel::process_descriptor(number);
  if (descriptor < 0) return error_of(descriptor);
  result<stream> watched = detail::handle_for<stream>(descriptor);
  if (!watched) return watched.error();
  process made(std::move(*watched), number);
  made.input = std::move(input);
  made.output = std::move(output);
  made.error = std::move(error);
  return made;
}

}  // namespace retake
