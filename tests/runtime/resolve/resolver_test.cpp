// Names, asked of a name server that the test is itself, on loopback.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "../program.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/dial.hpp"
#include "retake/net.hpp"
#include "retake/resolver.hpp"
#include "retake/sync.hpp"

namespace retake::test {
namespace {

// known.test has two addresses, slow.test one after 100 ms, silent.test none ever, large.test so
// many that a datagram has no room for them and TCP has to be asked, here.test the loopback address
// after one where no socket listens; all of these are IPv4. four.test and six.test are answered for
// that family only, the other is never. "host" has an IPv4 address in first.test, an IPv6 address
// in second.test. Other names do not exist.
class name_server {
 public:
  static constexpr int large = 100;

  name_server() {
    bind_both();
    serving_.add(2);
    go([this] { serve(); });
    go([this] { serve_streams(); });
  }
  ~name_server() {
    socket_.close();
    listener_.close();
    serving_.wait();
  }

  resolver_options options() const {
    resolver_options o;
    o.kind = resolver_kind::cares;
    o.servers = {to_string(*socket_.local_address())};
    return o;
  }
  int asked() const { return asked_.load(); }
  int asked_by_tcp() const { return asked_by_tcp_.load(); }

 private:
  // One number for datagrams and for connections: of those that are free for the first, some are
  // not for the second.
  void bind_both() {
    for (int tries = 0; tries < 100; ++tries) {
      result<udp_socket> datagrams = udp_bind(loopback_address, 0);
      if (!datagrams) continue;
      result<tcp_listener> connections = tcp_listen(*datagrams->local_address());
      if (!connections) continue;
      socket_ = std::move(*datagrams);
      listener_ = std::move(*connections);
      return;
    }
    ADD_FAILURE() << "no port is free";
    std::abort();
  }
  static std::string name_in(std::span<std::byte const> question) {
    std::string name;
    for (std::size_t at = 12; at < question.size() && question[at] != std::byte{0};) {
      auto const length = static_cast<std::size_t>(question[at]);
      if (!name.empty()) name += '.';
      name.append(reinterpret_cast<char const*>(question.data() + at + 1), length);
      at += length + 1;
    }
    return name;
  }

  void serve() {
    for (;;) {
      std::array<std::byte, 512> room{};
      auto const got = socket_.receive(room);
      if (!got) break;
      asked_.fetch_add(1);
      std::vector<std::byte> question(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(got->bytes));
      std::string const name = name_in(question);
      bool const asks_a = question[12 + name.size() + 2 + 1] == std::byte{1};
      if (name == "silent.test" || (name == "four.test" && !asks_a) || (name == "six.test" && asks_a)) continue;
      serving_.add(1);
      go([this, question, name, from = got->from] {
        if (name == "slow.test") sleep_for(100ms);
        answer(question, name, from);
        serving_.done();
      });
    }
    serving_.done();
  }

  void serve_streams() {
    for (;;) {
      auto connection = listener_.accept();
      if (!connection) break;
      std::array<std::byte, 512> room{};
      auto const got = connection->read(room);  // c-ares sends the length and the question at once
      if (!got || *got < 14) continue;
      asked_by_tcp_.fetch_add(1);
      std::vector<std::byte> const question(room.begin() + 2, room.begin() + static_cast<std::ptrdiff_t>(*got));
      std::vector<std::byte> const reply = reply_to(question, name_in(question), false);
      std::vector<std::byte> framed = {static_cast<std::byte>(reply.size() >> 8),
                                       static_cast<std::byte>(reply.size() & 255)};
      framed.insert(framed.end(), reply.begin(), reply.end());
      EXPECT_TRUE(connection->write(framed));
    }
    serving_.done();
  }

  static std::vector<std::string> addresses_of(std::string const& name) {
    if (name == "known.test") return {"10.1.2.3", "10.1.2.4"};
    if (name == "slow.test") return {"10.1.2.3"};
    if (name == "four.test" || name == "host.first.test") return {"127.0.0.1"};
    if (name == "six.test" || name == "host.second.test") return {"::1"};
    if (name == "here.test") return {"127.0.0.9", "127.0.0.1"};
    std::vector<std::string> many;
    for (int i = 0; name == "large.test" && i < large; ++i) many.push_back("10.1.2." + std::to_string(i));
    return many;
  }

  static std::vector<std::byte> reply_to(std::vector<std::byte> reply, std::string const& name, bool cut_off) {
    std::size_t const end = 12 + name.size() + 2 + 4;  // the header, the name, type and class
    bool const asks_a = reply[end - 3] == std::byte{1};
    reply.resize(end);  // without the additional section
    std::vector<std::string> const known = addresses_of(name);
    bool const exists = !known.empty();
    bool const has_a = exists && known[0].find(':') == std::string::npos;
    std::size_t const addresses = asks_a == has_a && !cut_off ? known.size() : 0;
    reply[2] = cut_off ? std::byte{0x86} : std::byte{0x84};
    reply[3] = exists ? std::byte{0x80} : std::byte{0x83};
    for (std::size_t i = 6; i < 12; ++i) reply[i] = std::byte{0};
    reply[7] = static_cast<std::byte>(addresses);
    for (std::size_t i = 0; i < addresses; ++i) {
      if (!has_a) {
        for (int const b : {0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16}) reply.push_back(static_cast<std::byte>(b));
        std::array<std::byte, 16> six{};
        ::inet_pton(AF_INET6, known[i].c_str(), six.data());
        reply.insert(reply.end(), six.begin(), six.end());
        continue;
      }
      for (int const b : {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4}) reply.push_back(static_cast<std::byte>(b));
      std::uint32_t const number = ::ntohl(::inet_addr(known[i].c_str()));
      for (int shift = 24; shift >= 0; shift -= 8) reply.push_back(static_cast<std::byte>(number >> shift & 255));
    }
    return reply;
  }

  void answer(std::vector<std::byte> const& question, std::string const& name, address const& to) {
    std::vector<std::byte> const reply = reply_to(question, name, name == "large.test");
    const std::unique_lock one_at_a_time(writing_);
    EXPECT_TRUE(socket_.send_to(reply, to));
  }

  udp_socket socket_;
  tcp_listener listener_;
  wait_group serving_;
  mutex writing_;
  std::atomic<int> asked_{0};
  std::atomic<int> asked_by_tcp_{0};
};

std::vector<std::string> texts(result<std::vector<address>> const& answer) {
  std::vector<std::string> all;
  if (!answer) return {answer.error().message()};
  for (address const& a : *answer) all.push_back(to_string(a));
  std::sort(all.begin(), all.end());
  return all;
}

TEST(resolver, asks_the_server_over_the_poller) {
  run_on(2, [] {
    name_server server;
    resolver const names(server.options());
    EXPECT_EQ(texts(names.lookup("known.test", 80, no_deadline, address_family::ipv4)),
              (std::vector<std::string>{"10.1.2.3:80", "10.1.2.4:80"}));
    EXPECT_EQ(texts(names.lookup("known.test", 80)), (std::vector<std::string>{"10.1.2.3:80", "10.1.2.4:80"}));
    EXPECT_EQ(names.lookup("unknown.test", 80).error(), resolve_error::not_found);
    EXPECT_EQ(names.lookup("known.test", 80, no_deadline, address_family::ipv6).error(), resolve_error::not_found);
    EXPECT_GE(server.asked(), 4);
  });
}

TEST(resolver, asks_again_by_tcp_when_a_datagram_has_no_room_for_the_answer) {
  run_on(2, [] {
    name_server server;
    auto const answer = resolver(server.options()).lookup("large.test", 1, no_deadline, address_family::ipv4);
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->size(), std::size_t{name_server::large});
    EXPECT_EQ(server.asked_by_tcp(), 1);
  });
}

TEST(dial, tries_the_addresses_of_a_name_in_turn) {
  run_on(2, [] {
    name_server server;
    resolver const names(server.options());
    auto const listener = tcp_listen(loopback_address, 0);
    auto const made = dial(background(), "here.test", listener->port(), {.names = &names});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(to_string(*made->peer_address()), "127.0.0.1:" + std::to_string(listener->port()));
    EXPECT_EQ(dial(background(), "unknown.test", 1, {.names = &names}).error(), resolve_error::not_found);
    std::uint16_t const gone = tcp_listen(loopback_address, 0)->port();
    EXPECT_EQ(dial(background(), "127.0.0.1", gone).error(), std::errc::connection_refused);
  });
}

TEST(resolver, answers_with_one_family_within_the_deadline_when_the_other_is_silent) {
  run_on(2, [] {
    name_server server;
    resolver const names(server.options());
    for (auto const& [name, number] : {std::pair{"four.test", "127.0.0.1:80"}, std::pair{"six.test", "[::1]:80"}}) {
      time_point const due = deadline_in(300ms);
      EXPECT_EQ(texts(names.lookup(name, 80, due)), std::vector<std::string>{number}) << name;
      EXPECT_LT(monotonic_now(), due) << name;
    }
    resolver_options patient = server.options();
    patient.timeout = 200ms;
    patient.tries = 3;
    time_point const began = monotonic_now();
    EXPECT_EQ(texts(resolver(patient).lookup("four.test", 80)), std::vector<std::string>{"127.0.0.1:80"});
    EXPECT_LT(monotonic_now() - began, 1s) << "without a deadline: after one time-out, not after 200, 400 and 800 ms";
    auto const silent = names.lookup("four.test", 80, deadline_in(50ms), address_family::ipv6);
    EXPECT_EQ(silent.error(), std::errc::timed_out);
  });
}

TEST(resolver, takes_both_families_from_the_same_name_of_the_search_list) {
  ::setenv("LOCALDOMAIN", "none.test first.test second.test", 1);
  run_on(2, [] {
    name_server server;
    resolver const names(server.options());
    EXPECT_EQ(texts(names.lookup("host", 80)), std::vector<std::string>{"127.0.0.1:80"});
    EXPECT_EQ(texts(names.lookup("host", 80, no_deadline, address_family::ipv6)), std::vector<std::string>{"[::1]:80"});
    EXPECT_EQ(texts(names.lookup("host.second.test", 80)), std::vector<std::string>{"[::1]:80"});
    EXPECT_EQ(names.lookup("host.", 80).error(), resolve_error::not_found) << "a full name is not searched for";
  });
  ::unsetenv("LOCALDOMAIN");
}

TEST(dial, connects_by_one_family_within_the_deadline_when_the_other_is_silent) {
  run_on(2, [] {
    name_server server;
    resolver const names(server.options());
    auto const listener = tcp_listen(loopback_address, 0);
    auto [until, stop] = with_timeout(background(), 300ms);
    auto const made = dial(until, "four.test", listener->port(), {.names = &names});
    EXPECT_TRUE(made) << made.error().message();
    dial_options bounded{.names = &names};
    bounded.connection.deadline = deadline_in(300ms);
    EXPECT_TRUE(dial(background(), "four.test", listener->port(), bounded));
  });
}

TEST(dial, ends_with_its_context_while_the_name_is_looked_up) {
  run_on(2, [] {
    name_server server;
    resolver_options patient = server.options();
    patient.timeout = 300ms;
    resolver const names(patient);
    cancellable cancelled = with_cancel(background());
    go([&] {
      EXPECT_TRUE(yielding_until([&] { return server.asked() > 0; }));
      cancelled.cancel.cancel();
    });
    EXPECT_EQ(dial(cancelled.ctx, "silent.test", 1, {.names = &names}).error(), std::errc::operation_canceled);
    EXPECT_EQ(dial(with_timeout(background(), 20ms).ctx, "silent.test", 1, {.names = &names}).error(),
              std::errc::timed_out);
    EXPECT_TRUE(yielding_until([&] { return goroutine_count() <= 3; })) << "an abandoned lookup ends by itself";
  });
}

TEST(resolver, asks_nobody_for_a_number_and_the_hosts_file_for_localhost) {
  run_on(2, [] {
    name_server server;
    resolver const names(server.options());
    EXPECT_EQ(texts(names.lookup("192.0.2.1", 7)), std::vector<std::string>{"192.0.2.1:7"});
    EXPECT_EQ(texts(names.lookup("::1", 7)), std::vector<std::string>{"[::1]:7"});
    EXPECT_EQ(names.lookup("::1", 7, no_deadline, address_family::ipv4).error(), resolve_error::not_found);
    EXPECT_EQ(names.lookup("", 7).error(), resolve_error::not_found);
    EXPECT_EQ(texts(names.lookup("localhost", 7, no_deadline, address_family::ipv4)),
              std::vector<std::string>{"127.0.0.1:7"});
    EXPECT_EQ(server.asked(), 0);
  });
}

TEST(resolver, many_slow_lookups_hold_no_threads) {
  run_on(2, [] {
    name_server server;
    resolver const names(server.options());
    constexpr int count = 50;
    wait_group all;
    all.add(count);
    for (int i = 0; i < count; ++i) {  // one after the other, until each has asked: c-ares reads its files on a thread
      go([&] {
        EXPECT_EQ(texts(names.lookup("slow.test", 1, no_deadline, address_family::ipv4)),
                  std::vector<std::string>{"10.1.2.3:1"});
        all.done();
      });
      EXPECT_TRUE(yielding_until([&] { return server.asked() > i; }));
    }
    all.wait();
    EXPECT_LE(value(paths().threads_started), 16u) << "nobody waits for an answer on a thread";
  });
}

TEST(resolver, ends_at_its_deadline_or_when_nobody_answers) {
  run_on(2, [] {
    name_server server;
    resolver_options options = server.options();
    time_point const due = deadline_in(50ms);
    EXPECT_EQ(resolver(options).lookup("silent.test", 1, due).error(), std::errc::timed_out);
    EXPECT_GE(monotonic_now(), due);
    EXPECT_LT(monotonic_now(), due + 4s);
    options.timeout = 20ms;
    options.tries = 2;
    EXPECT_EQ(resolver(options).lookup("silent.test", 1, no_deadline, address_family::ipv4).error(),
              std::errc::timed_out);
    EXPECT_GE(server.asked(), 3);
    options.servers = {"no address"};
    EXPECT_EQ(resolver(options).lookup("known.test", 1).error(), resolve_error::failed);
  });
}

TEST(resolver, is_chosen_by_the_program_or_the_environment_and_says_so) {
  ::setenv("RETAKE_DEBUG", "netdns=2", 1);
  testing::internal::CaptureStderr();
  run_on(2, [] {
    ::unsetenv("RETAKE_DNS");
    EXPECT_EQ(resolver().kind(), resolver_kind::cares);
    ::setenv("RETAKE_DNS", "system", 1);
    resolver const by_environment;
    EXPECT_EQ(by_environment.kind(), resolver_kind::system);
    EXPECT_EQ(texts(by_environment.lookup("localhost", 9, no_deadline, address_family::ipv4)),
              std::vector<std::string>{"127.0.0.1:9"});
    resolver_options options;
    options.kind = resolver_kind::cares;
    EXPECT_EQ(resolver(options).kind(), resolver_kind::cares);
    ::unsetenv("RETAKE_DNS");
  });
  std::string const said = testing::internal::GetCapturedStderr();
  ::unsetenv("RETAKE_DEBUG");
  for (char const* const line :
       {"names are asked of c-ares: the default", "names are asked of getaddrinfo: RETAKE_DNS=system",
        "localhost answered by getaddrinfo in ", ": 127.0.0.1:9\n",
        "names are asked of c-ares: the program chose it"}) {
    EXPECT_NE(said.find(line), std::string::npos) << line << " is not in:\n" << said;
  }
}

}  // namespace
}  // namespace retake::test
