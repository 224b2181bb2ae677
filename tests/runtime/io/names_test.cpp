// Strings that a C interface would cut at a zero byte, and hosts that are none: refused where they
// are given.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "../program.hpp"
#include "retake/address.hpp"
#include "retake/context.hpp"
#include "retake/dial.hpp"
#include "retake/net.hpp"
#include "retake/process.hpp"
#include "retake/resolver.hpp"

namespace retake::test {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST(names, of_addresses_have_no_zero_byte) {
  for (const std::string_view text :
       {"127.0.0.1\0.other:80"sv, "[::1\0.other]:80"sv, "[fe80::1%1\0]:80"sv, "127.0.0.1:80\0"sv, "127.0.0.1:8\0000"sv,
        "/tmp/one\0two"sv, "@one\0two"sv, "\0one"sv}) {
    EXPECT_EQ(parse_address(text).error(), std::errc::invalid_argument) << std::string(text);
  }
  EXPECT_TRUE(parse_address("/tmp/one"));
  EXPECT_TRUE(parse_address("@one"));
}

// An address that was put together without parse_address().
TEST(names, of_local_sockets_have_no_zero_byte) {
  run_on(1, [] {
    address cut = *parse_address("/tmp/retake_names_test?cut");
    cut.bytes[std::strlen("/tmp/retake_names_test")] = 0;
    EXPECT_EQ(unix_listen(cut).error(), std::errc::invalid_argument);
    EXPECT_EQ(unix_connect(cut).error(), std::errc::invalid_argument);
    EXPECT_EQ(datagram_bind(cut).error(), std::errc::invalid_argument);
    auto sender = datagram_open(address_family::local);
    ASSERT_TRUE(sender);
    EXPECT_EQ(sender->connect(cut), std::errc::invalid_argument);
    EXPECT_EQ(sender->send_to(std::as_bytes(std::span("x", 1)), cut).error(), std::errc::invalid_argument);
  });
}

TEST(names, of_hosts_are_neither_paths_nor_cut_by_a_zero_byte) {
  run_on(2, [] {
    for (const resolver_kind kind : {resolver_kind::cares, resolver_kind::system}) {
      resolver_options wishes;
      wishes.kind = kind;
      wishes.servers = {"127.0.0.1:9"};
      wishes.timeout = 50ms;
      wishes.tries = 1;
      const resolver names(wishes);
      for (const std::string_view host :
           {"127.0.0.1\0.other"sv, "localhost\0.other"sv, "\0localhost"sv, "/run/service"sv, "@service"sv,
            "./service"sv, "../service"sv, "run/service"sv}) {
        EXPECT_EQ(names.lookup(host, 80).error(), resolve_error::not_found) << std::string(host);
        dial_options how;
        how.names = &names;
        EXPECT_EQ(dial(background(), host, 80, how).error(), resolve_error::not_found) << std::string(host);
      }
      EXPECT_TRUE(names.lookup("127.0.0.1", 80));
    }
    resolver_options cut;
    cut.kind = resolver_kind::cares;
    cut.servers = {"127.0.0.1\0:9"s};
    EXPECT_EQ(resolver(cut).lookup("name.example", 80).error(), std::errc::invalid_argument);
  });
}

TEST(names, given_to_a_child_have_no_zero_byte) {
  run_on(1, [] {
    const auto refused = [](process_options options) { return spawn(options).error() == std::errc::invalid_argument; };
    process_options good;
    good.arguments = {"true"};
    process_options bad = good;
    bad.arguments = {"true\0.sh"s};
    EXPECT_TRUE(refused(bad)) << "the program";
    bad.arguments = {"true", "shown\0hidden"s};
    EXPECT_TRUE(refused(bad)) << "an argument";
    bad = good;
    bad.environment = std::vector<std::string>{"PATH=/bin:/usr/bin", "A=1\0B=2"s};
    EXPECT_TRUE(refused(bad)) << "the environment";
    bad = good;
    bad.directory = "/\0nowhere"s;
    EXPECT_TRUE(refused(bad)) << "the directory";
    auto child = spawn(good);
    ASSERT_TRUE(child);
    EXPECT_TRUE(child->wait());
  });
}

}  // namespace
}  // namespace retake::test
