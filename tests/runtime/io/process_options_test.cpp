// Where a program's files go, whose group, session and rights it has, what it used, and a context
// that ends it. Real programs.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "../program.hpp"
#include "bytes.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/file.hpp"
#include "retake/leak_check.hpp"
#include "retake/process.hpp"
#include "shell.hpp"

namespace retake::test {
namespace {

// What the program says on standard output.
std::string said_by(process_options options) {
  options.output = redirect::pipe;
  auto child = spawn(options);
  EXPECT_TRUE(child) << child.error().message();
  if (!child) return "";
  std::string text = read_all(child->output);
  EXPECT_TRUE(child->wait());
  return text;
}

std::string content_of(std::string const& name) {
  std::ifstream in(name);
  return (std::ostringstream() << in.rdbuf()).str();
}

TEST(process, reads_and_writes_files_and_sends_its_errors_where_its_output_goes) {
  run_on(2, [] {
    char name[] = "/tmp/retake-redirect-XXXXXX";
    const int place = ::mkstemp(name);
    ASSERT_GE(place, 0);
    process_options options = shell("echo out; echo err >&2");
    options.output = redirect::file;
    options.output_file = place;
    options.error = redirect::output;
    auto child = spawn(options);
    ASSERT_TRUE(child) << child.error().message();
    EXPECT_TRUE(child->wait());
    EXPECT_EQ(content_of(name), "out\nerr\n");
    options = shell("cat; echo err >&2");
    options.input = redirect::file;
    options.input_file = place;
    ASSERT_EQ(::lseek(place, 0, SEEK_SET), 0);
    options.error = redirect::output;
    EXPECT_EQ(said_by(options), "out\nerr\nerr\n") << "one pipe for both";
    options.error = redirect::file;
    options.error_file = place;
    EXPECT_EQ(said_by(options), "") << "the position is shared";
    EXPECT_EQ(content_of(name), "out\nerr\nerr\n");
    EXPECT_GE(::fcntl(place, F_GETFD), 0) << "the caller's";
    ::close(place);
    std::filesystem::remove(name);
    process_options wrong = shell("exit 0");
    wrong.input = redirect::file;
    EXPECT_EQ(spawn(wrong).error(), std::errc::bad_file_descriptor);
    wrong.input_file = 1'000'000;
    EXPECT_EQ(spawn(wrong).error(), std::errc::bad_file_descriptor);
    wrong.input = redirect::output;
    EXPECT_EQ(spawn(wrong).error(), std::errc::invalid_argument);
  });
}

struct places {
  int number, group, session;
};
places places_of(process_options options) {
  options.arguments = {"sh", "-c", "echo $$; cut -d' ' -f5,6 /proc/$$/stat"};
  places seen{};
  std::istringstream(said_by(options)) >> seen.number >> seen.group >> seen.session;
  return seen;
}

TEST(process, has_the_group_and_the_session_that_were_asked_for) {
  run_on(2, [] {
    process_options options;
    places seen = places_of(options);
    EXPECT_EQ(seen.group, ::getpgrp());
    EXPECT_EQ(seen.session, ::getsid(0));
    options.group = 0;
    seen = places_of(options);
    EXPECT_EQ(seen.group, seen.number);
    EXPECT_EQ(seen.session, ::getsid(0));
    process_options leads = shell("exec sleep 1000");
    leads.group = 0;
    auto leader = spawn(leads);
    ASSERT_TRUE(leader);
    options.group = leader->number();
    EXPECT_EQ(places_of(options).group, leader->number());
    EXPECT_FALSE(leader->signal(SIGKILL));
    EXPECT_TRUE(leader->wait());
    options.group = process_options::same_group;
    options.session = true;
    seen = places_of(options);
    EXPECT_EQ(seen.group, seen.number);
    EXPECT_EQ(seen.session, seen.number);
    process_options nowhere = shell("exit 0");
    nowhere.group = 1;
    EXPECT_EQ(spawn(nowhere).error(), std::errc::operation_not_permitted) << "a group of another session";
  });
}

// The rights of every thread of this process, as /proc tells them.
std::vector<std::string> own_rights() {
  std::vector<std::string> all;
  for (auto const& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Uid:") || line.starts_with("Gid:") || line.starts_with("Groups:")) all.push_back(line);
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

TEST(process, has_the_rights_that_were_asked_for_and_nobody_else_has) {
  run_on(2, [] {
    const std::vector<std::string> before = own_rights();
    const int dumpable = ::prctl(PR_GET_DUMPABLE);
    process_options options = shell("id -u; id -g; id -G");
    options.credentials = process_credentials{.user = 12345, .group = 23456, .groups = {23456, 34567}};
    if (::geteuid() == 0) {
      EXPECT_EQ(said_by(options), "12345\n23456\n23456 34567\n");
    } else {
      EXPECT_EQ(spawn(options).error(), std::errc::operation_not_permitted);
    }
    EXPECT_EQ(own_rights(), before);
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), dumpable);
  });
}

TEST(process, tells_what_it_has_used) {
  run_on(2, [] {
    auto child = spawn(shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"));
    ASSERT_TRUE(child);
    auto status = child->wait();
    ASSERT_TRUE(status);
    EXPECT_GT(status->user + status->system, 1ms);
    EXPECT_LT(status->user + status->system, 1min);
    EXPECT_GT(status->memory_max_bytes, 100'000U);
    EXPECT_LT(status->memory_max_bytes, 1'000'000'000U);
  });
}

TEST(process, ends_with_its_context) {
  ::alarm(20);  // a program that goes on is red then
  run_on(2, [] {
    const leak_check leaks;
    {
      auto [until, stop] = with_timeout(background(), 20ms);
      auto killed = spawn(shell("exec sleep 1000"));
      ASSERT_TRUE(killed);
      auto status = killed->wait(until);
      EXPECT_TRUE(status && status->signal == SIGKILL);
      EXPECT_TRUE(until.error());
      auto late = spawn(shell("exec sleep 1000"));
      ASSERT_TRUE(late);
      status = late->wait(until, {.signal = SIGTERM, .delay = 1min});
      EXPECT_TRUE(status && status->signal == SIGTERM) << "done before the wait";
      process_options script = shell("trap 'exit 5' TERM; echo; while :; do sleep 0.01; done");
      script.output = redirect::pipe;
      auto heeds = spawn(script);
      ASSERT_TRUE(heeds);
      std::array<std::byte, 1> ready{};
      ASSERT_TRUE(heeds->output.read(ready));
      status = heeds->wait(until, {.signal = SIGTERM, .delay = 1min});
      EXPECT_TRUE(status && status->code == 5 && status->signal == 0);
      script = shell("trap '' TERM; echo; while :; do sleep 0.01; done");
      script.output = redirect::pipe;
      auto deaf = spawn(script);
      ASSERT_TRUE(deaf);
      ASSERT_TRUE(deaf->output.read(ready));
      const time_point before = monotonic_now();
      status = deaf->wait(until, {.signal = SIGTERM, .delay = 50ms});
      EXPECT_TRUE(status && status->signal == SIGKILL);
      EXPECT_GE(monotonic_now() - before, 50ms);
    }
    EXPECT_EQ(leaks.report(1s), "");
  });
}

TEST(process, that_ends_before_its_context_is_not_touched) {
  run_on(2, [] {
    auto [until, stop] = with_cancel(background());
    for (context const& ctx : {until, background()}) {
      auto child = spawn(shell("exit 7"));
      ASSERT_TRUE(child);
      const auto status = child->wait(ctx, {.signal = SIGTERM, .delay = 0ns});
      EXPECT_TRUE(status && status->code == 7 && status->signal == 0);
      EXPECT_EQ(child->wait(ctx).error(), std::errc::no_child_process);
    }
    auto slow = spawn(shell("exec sleep 1000"));
    ASSERT_TRUE(slow);
    EXPECT_FALSE(slow->set_deadline(deadline_in(20ms)));
    EXPECT_EQ(slow->wait(until).error(), std::errc::timed_out) << "the deadline holds beside it";
    EXPECT_FALSE(slow->set_deadline(no_deadline));
    stop.cancel();
    const auto status = slow->wait(until);
    EXPECT_TRUE(status && status->signal == SIGKILL);
  });
}

}  // namespace
}  // namespace retake::test
