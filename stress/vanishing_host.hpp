// vanishing_host.hpp: a host with connections to us that is gone from one moment to the next: no
// FIN, no RST, no answer to a probe
//
// Recipe.    A process of its own. Where namespaces are allowed it has a network of its own, joined
//            to ours by a pair of virtual cables (ip, of the package iproute2), and vanishes by
//            taking its end down. Elsewhere it lives on loopback and vanishes by a socket filter
//            that drops all that comes in, before TCP sees it. Where that is forbidden too it only
//            falls silent: then its kernel still answers probes.
// Ends.      The process ends with its owner, and with it its network; ours goes with us.
#pragma once

#include <fmt/format.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "apart.hpp"

namespace retake::stress {

enum class vanishes { by_link, by_filter, by_silence };

class vanishing_host {
 public:
  // Before the runtime, with a network of our own for by_link. `number`: 1 to 200.
  vanishing_host(vanishes how, int number) : how_(how), number_(number) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
    child_ = ::fork();
    if (child_ == 0) {
      ::close(ends[0]);
      orders_ = ends[1];
      live();
      std::_Exit(0);
    }
    ::close(ends[1]);
    orders_ = ends[0];
    ready_ = child_ > 0 && heard() && (how_ != vanishes::by_link || lay_cable()) && told('a');
  }
  ~vanishing_host() {
    ::close(orders_);
    if (child_ > 0) ::kill(child_, SIGKILL);
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
  }
  vanishing_host(vanishing_host const&) = delete;
  vanishing_host& operator=(vanishing_host const&) = delete;

  // False: this way of vanishing cannot be had.
  [[nodiscard]] bool ready() const noexcept { return ready_; }

  // So many connections to our `port`, each of which sends a line every 20 ms. Blocks its thread
  // until they stand, the second until it is gone. False: they failed.
  [[nodiscard]] bool connect(std::uint16_t port, std::uint16_t connections) {
    const std::array<std::uint16_t, 2> what{port, connections};
    return ::write(orders_, "c", 1) == 1 && ::write(orders_, what.data(), sizeof what) == sizeof what && heard();
  }
  [[nodiscard]] bool vanish() { return told('v'); }

 private:
  static constexpr std::uint32_t network = 0x0a420000;  // 10.66.number.0/24, in networks of our own
  static constexpr int talks_every_ms = 20;

  [[nodiscard]] std::uint32_t our_address() const { return network + static_cast<std::uint32_t>(number_) * 256 + 1; }
  [[nodiscard]] bool heard() const {
    char yes = 0;
    return ::read(orders_, &yes, 1) == 1 && yes == 'y';
  }
  [[nodiscard]] bool told(char order) const { return ::write(orders_, &order, 1) == 1 && heard(); }

  [[nodiscard]] bool lay_cable() const {
    const std::string name = fmt::format("rt{}", number_);
    const std::string command =
        fmt::format("ip link add {} type veth peer name far netns {} 2>/dev/null", name, child_);
    return std::system(command.c_str()) == 0 && set_address(name.c_str(), our_address()) &&
           set_link(name.c_str(), true);
  }

  // ---- the other process -----------------------------------------------------------------------

  void live() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::vector<int> all;
    if (how_ == vanishes::by_link && ::unshare(CLONE_NEWNET) != 0) return;
    say(true);
    bool talks = true;
    for (;;) {
      pollfd order{.fd = orders_, .events = POLLIN, .revents = 0};
      if (::poll(&order, 1, talks ? talks_every_ms : -1) == 0) {
        for (const int one : all) static_cast<void>(::send(one, "line\n", 5, MSG_NOSIGNAL | MSG_DONTWAIT));
        continue;
      }
      char what = 0;
      if (::read(orders_, &what, 1) != 1) return;
      if (what == 'a') say(can_vanish());
      if (what == 'c') say(connect_all(all));
      if (what == 'v') {
        talks = false;
        say(how_ == vanishes::by_silence ||
            (how_ == vanishes::by_link ? set_link("far", false) : drop_everything(all)));
      }
    }
  }
  void say(bool yes) const { static_cast<void>(::write(orders_, yes ? "y" : "n", 1)); }

  [[nodiscard]] bool can_vanish() const {
    if (how_ == vanishes::by_link) return set_address("far", our_address() + 1) && set_link("far", true);
    if (how_ == vanishes::by_silence) return true;
    const int any = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool filters = any >= 0 && drop_everything({any});
    ::close(any);
    return filters;
  }
  [[nodiscard]] bool connect_all(std::vector<int>& all) const {
    std::array<std::uint16_t, 2> what{};
    if (::read(orders_, what.data(), sizeof what) != sizeof what) return false;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(how_ == vanishes::by_link ? our_address() : INADDR_LOOPBACK);
    to.sin_port = htons(what[0]);
    for (int i = 0; i < what[1]; ++i) {
      all.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (all.back() < 0 || ::connect(all.back(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return false;
    }
    return true;
  }
  [[nodiscard]] static bool drop_everything(std::vector<int> const& all) {
    sock_filter nothing{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
    const sock_fprog program{.len = 1, .filter = &nothing};
    for (const int one : all) {
      if (::setsockopt(one, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) return false;
    }
    return true;
  }

  vanishes const how_;
  int const number_;
  int orders_ = -1;
  pid_t child_ = -1;
  bool ready_ = false;
};

}  // namespace retake::stress
