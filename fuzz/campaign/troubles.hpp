// troubles.hpp: what goes wrong beside a verdict: it is said at once, and changes no verdict.
//
// Problem.   A campaign's verdict is its findings; record, state and page only keep and show it. A
//            full disk, a foreign line or a folder whose name is not UTF-8 made them throw, and the
//            exit code 1 was never given.
// Recipe.    run() is around the work itself, keep() around what keeps evidence, decorate() around
//            what shows it. Whatever these throw is said in one line, each line once, and the
//            campaign goes on to its end. Evidence that could not be kept, and a full disk
//            anywhere, make the code 3 where no finding was told; work that ended early makes it 3
//            or 4; other faults of a page change nothing.
// Codes      depend on the type of an exception, never on its text: usage_error 2;
//            environment_error and every error of the system 3; all else 4.
// Checked by tests/cli/hard_disk_test.sh.
#pragma once

#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>

namespace retake::campaign {

struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct environment_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// An environment_error that no other folder of the same disk would mend.
struct disk_full : environment_error {
  using environment_error::environment_error;
};

int code_of(std::exception const& error);

// Throws a disk_full or an environment_error: `"PATH" cannot be written: No space left on device`.
[[noreturn]] void cannot_write(std::string const& path, std::error_code const& error);
// The same for the folder that --out names, before anything has begun: a usage_error unless the
// disk is full.
[[noreturn]] void cannot_begin_in(std::string const& folder, std::error_code const& error);

class troubles {
 public:
  explicit troubles(std::function<void(std::string const&)> say) : say_(std::move(say)) {}

  // True: `work` went well.
  bool run(std::function<void()> const& work);
  bool keep(std::function<void()> const& work);
  bool decorate(std::string const& name, std::function<void()> const& work);

  bool lacking() const { return lacking_; }  // what the environment has to give
  bool broken() const { return broken_; }    // the harness itself

 private:
  bool say_once(std::string const& text);

  std::function<void(std::string const&)> say_;
  std::set<std::string> said_;
  bool lacking_ = false, broken_ = false;
};

}  // namespace retake::campaign
