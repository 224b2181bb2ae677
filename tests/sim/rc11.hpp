// rc11.hpp: a second opinion: every outcome of a small program that RC11 allows, by the definitions
// of Lahav, Vafeiadis, Kang, Hur and Dreyer, "Repairing sequential consistency in C/C++11" (PLDI
// 2017), tried one by one.
//
// Shares nothing with the engine, neither code nor way: no order of execution, no clocks, no
// floors. All assignments of reads to writes and all modification orders are made, and those stay
// that fulfil the axioms, which are relations over events as bit matrices. Release sequences are
// those of C++20: the paper's also hold later stores of the same thread. allowed(p, true) leaves
// out the last axiom, sb and rf acyclic: what it allows besides is load buffering (and values out
// of thin air, where a store depends on a read).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace retake::test::rc11 {

enum class mode : std::uint8_t { rlx, acq, rel, acq_rel, sc };
enum class act : std::uint8_t { load, store, add, exchange, cas, weak_cas, fence };

struct instruction {
  act what;
  mode order;
  int location = 0;
  unsigned value = 0;
  unsigned expected = 0;  // of a compare_exchange
};
using program = std::vector<std::vector<instruction>>;  // by thread
inline constexpr int locations_max = 3;

// What each instruction read, thread by thread (a compare_exchange that won with `!`), and the last
// value of each location.
inline std::string text_of(std::vector<std::string> const& reads, std::vector<unsigned> const& finals) {
  std::string t;
  for (auto const& r : reads) t += r + " ";
  t += "|";
  for (unsigned f : finals) t += " " + std::to_string(f);
  return t;
}

// What a compare_exchange is that failed: the world's contract.
inline mode failure_of(mode m) { return m == mode::rlx || m == mode::sc ? m : mode::acq; }

class executions {
 public:
  executions(program const& p, int locations, bool thin_air) : p_(p), locations_(locations), thin_air_(thin_air) {}

  std::set<std::string> outcomes() {
    int cas = 0;
    for (auto const& t : p_) {
      for (auto const& i : t) cas += i.what == act::cas || i.what == act::weak_cas ? 1 : 0;
    }
    for (unsigned wins = 0; wins < 1U << cas; ++wins) {
      make_events(wins);
      choose_reads(0);
    }
    return outcomes_;
  }

 private:
  static constexpr int events_max = 32;
  enum class sort : std::uint8_t { read, write, fence };
  struct event {
    sort what;
    mode order;
    int location;  // -1: a fence
    int thread;    // -1: initial
    instruction const* from;
    int partner;                   // rmw: the other half; -1: none
    bool must_equal, must_differ;  // a read of a compare_exchange
  };
  using relation = std::array<std::uint32_t, events_max>;  // by event: the events after it

  void make_events(unsigned wins) {
    events_.clear();
    for (int l = 0; l < locations_; ++l) events_.push_back({sort::write, mode::rlx, l, -1, nullptr, -1, false, false});
    int cas = 0;
    for (int t = 0; t < static_cast<int>(p_.size()); ++t) {
      for (auto const& i : p_[static_cast<std::size_t>(t)]) {
        int const n = static_cast<int>(events_.size());
        bool const reads_first = i.order == mode::acq || i.order == mode::acq_rel;
        mode const read = i.order == mode::sc ? mode::sc : reads_first ? mode::acq : mode::rlx;
        mode const write = i.order == mode::sc                                ? mode::sc
                           : i.order == mode::rel || i.order == mode::acq_rel ? mode::rel
                                                                              : mode::rlx;
        switch (i.what) {
          case act::load: events_.push_back({sort::read, i.order, i.location, t, &i, -1, false, false}); break;
          case act::store: events_.push_back({sort::write, i.order, i.location, t, &i, -1, false, false}); break;
          case act::fence: events_.push_back({sort::fence, i.order, -1, t, &i, -1, false, false}); break;
          case act::cas:
          case act::weak_cas:
            if ((wins >> cas++ & 1U) == 0) {
              events_.push_back({sort::read, failure_of(i.order), i.location, t, &i, -1, false, i.what == act::cas});
              break;
            }
            [[fallthrough]];
          default:
            events_.push_back(
                {sort::read, read, i.location, t, &i, n + 1, i.what == act::cas || i.what == act::weak_cas, false});
            events_.push_back({sort::write, write, i.location, t, &i, n, false, false});
        }
      }
    }
    n_ = static_cast<int>(events_.size());
    source_.assign(events_.size(), -1);
  }

  void choose_reads(int from) {
    while (from < n_ && at(from).what != sort::read) ++from;
    if (from == n_) {
      choose_orders(0);
      return;
    }
    for (int w = 0; w < n_; ++w) {
      if (at(w).what != sort::write || at(w).location != at(from).location || at(from).partner == w) continue;
      source_[static_cast<std::size_t>(from)] = w;
      choose_reads(from + 1);
    }
  }

  void choose_orders(int location) {
    if (location == 0) {
      if (!values()) return;
      mo_.assign(static_cast<std::size_t>(locations_), {});
    }
    if (location == locations_) {
      judge();
      return;
    }
    std::vector<int> writes;
    for (int e = locations_; e < n_; ++e) {
      if (at(e).what == sort::write && at(e).location == location) writes.push_back(e);
    }
    do {
      std::vector<int> order{location};
      order.insert(order.end(), writes.begin(), writes.end());
      mo_[static_cast<std::size_t>(location)] = order;
      choose_orders(location + 1);
    } while (std::next_permutation(writes.begin(), writes.end()));
  }

  // False: a compare_exchange read what it cannot have, or a value has no beginning.
  bool values() {
    value_.assign(events_.size(), 0);
    std::vector<int> state(events_.size(), 0);
    auto const value_of = [&](auto const& self, int e) -> bool {
      std::size_t const k = static_cast<std::size_t>(e);
      if (state[k] == 2) return true;
      if (state[k] == 1) return false;
      state[k] = 1;
      event const& x = at(e);
      if (x.what == sort::read) {
        if (!self(self, source_[k])) return false;
        value_[k] = value_[static_cast<std::size_t>(source_[k])];
        if (x.must_equal && value_[k] != x.from->expected) return false;
        if (x.must_differ && value_[k] == x.from->expected) return false;
      } else if (x.what == sort::write && x.thread >= 0) {
        value_[k] = x.from->value;
        if (x.partner >= 0 && x.from->what == act::add) {
          if (!self(self, x.partner)) return false;
          value_[k] += value_[static_cast<std::size_t>(x.partner)];
        }
      }
      state[k] = 2;
      return true;
    };
    for (int e = 0; e < n_; ++e) {
      if (!value_of(value_of, e)) return false;
    }
    return true;
  }

  // ---- relations ----
  static bool has(relation const& r, int a, int b) { return (r[static_cast<std::size_t>(a)] >> b & 1U) != 0; }
  static void add(relation& r, int a, int b) { r[static_cast<std::size_t>(a)] |= 1U << b; }
  relation joined(relation const& a, relation const& b) const {
    relation r{};
    for (std::size_t e = 0; e < events_.size(); ++e) r[e] = a[e] | b[e];
    return r;
  }
  relation then(relation const& a, relation const& b) const {
    relation r{};
    for (int e = 0; e < n_; ++e) {
      for (int m = 0; m < n_; ++m) {
        if (has(a, e, m)) r[static_cast<std::size_t>(e)] |= b[static_cast<std::size_t>(m)];
      }
    }
    return r;
  }
  relation transitive(relation r) const {
    for (int m = 0; m < n_; ++m) {
      for (int e = 0; e < n_; ++e) {
        if (has(r, e, m)) r[static_cast<std::size_t>(e)] |= r[static_cast<std::size_t>(m)];
      }
    }
    return r;
  }
  relation or_same(relation r) const {
    for (int e = 0; e < n_; ++e) add(r, e, e);
    return r;
  }
  bool irreflexive(relation const& r) const {
    for (int e = 0; e < n_; ++e) {
      if (has(r, e, e)) return false;
    }
    return true;
  }
  bool acyclic(relation const& r) const { return irreflexive(transitive(r)); }
  template <class Predicate>
  relation filtered(relation const& r, Predicate keep) const {
    relation out{};
    for (int a = 0; a < n_; ++a) {
      for (int b = 0; b < n_; ++b) {
        if (has(r, a, b) && keep(a, b)) add(out, a, b);
      }
    }
    return out;
  }
  template <class Predicate>
  relation identity(Predicate of) const {
    relation r{};
    for (int e = 0; e < n_; ++e) {
      if (of(at(e))) add(r, e, e);
    }
    return r;
  }

  void judge() {
    relation sb{}, rf{}, mo{}, rmw{};
    for (int a = 0; a < n_; ++a) {
      for (int b = 0; b < n_; ++b) {
        bool const first = at(a).thread < 0 && at(b).thread >= 0;
        if (first || (at(a).thread == at(b).thread && at(a).thread >= 0 && a < b)) add(sb, a, b);
      }
      if (at(a).what == sort::read) {
        add(rf, source_[static_cast<std::size_t>(a)], a);
        if (at(a).partner >= 0) add(rmw, a, at(a).partner);
      }
    }
    for (auto const& order : mo_) {
      for (std::size_t i = 0; i < order.size(); ++i) {
        for (std::size_t k = i + 1; k < order.size(); ++k) add(mo, order[i], order[k]);
      }
    }
    relation reverse_rf{};
    for (int a = 0; a < n_; ++a) {
      if (at(a).what == sort::read) add(reverse_rf, a, source_[static_cast<std::size_t>(a)]);
    }
    relation const rb = filtered(then(reverse_rf, mo), [](int a, int b) { return a != b; });

    auto const releases = [](event const& e) {
      return (e.what == sort::write || e.what == sort::fence) &&
             (e.order == mode::rel || e.order == mode::acq_rel || e.order == mode::sc);
    };
    auto const acquires = [](event const& e) {
      return (e.what == sort::read || e.what == sort::fence) &&
             (e.order == mode::acq || e.order == mode::acq_rel || e.order == mode::sc);
    };
    relation const fences = identity([](event const& e) { return e.what == sort::fence; });
    relation const writes = identity([](event const& e) { return e.what == sort::write; });
    relation const rs = then(writes, or_same(transitive(then(rf, rmw))));
    relation const from = then(identity(releases), or_same(then(fences, sb)));
    relation const to = then(or_same(then(sb, fences)), identity(acquires));
    relation const sw = then(then(then(from, rs), rf), to);
    relation const hb = transitive(joined(sb, sw));
    relation const eco = transitive(joined(joined(rf, mo), rb));

    if (!irreflexive(then(hb, or_same(eco)))) return;                                                // COHERENCE
    if (filtered(then(rb, mo), [&](int a, int b) { return has(rmw, a, b); }) != relation{}) return;  // ATOMICITY
    if (!thin_air_ && !acyclic(joined(sb, rf))) return;                                              // NO-THIN-AIR

    auto const same_place = [&](int a, int b) { return at(a).location == at(b).location && at(a).location >= 0; };
    relation const sb_elsewhere = filtered(sb, [&](int a, int b) { return at(a).location != at(b).location; });
    relation const scb =
        joined(joined(joined(sb, then(then(sb_elsewhere, hb), sb_elsewhere)), joined(filtered(hb, same_place), mo)),
               rb);
    relation const sc = identity([](event const& e) { return e.order == mode::sc; });
    relation const sc_fences = identity([](event const& e) { return e.order == mode::sc && e.what == sort::fence; });
    relation const hb_or_same = or_same(hb);
    relation const psc_base =
        then(then(joined(sc, then(sc_fences, hb_or_same)), scb), joined(sc, then(hb_or_same, sc_fences)));
    relation const psc_fences = then(then(sc_fences, joined(hb, then(then(hb, eco), hb))), sc_fences);
    if (!acyclic(joined(psc_base, psc_fences))) return;  // SC

    std::vector<std::string> reads;
    for (int e = 0; e < n_; ++e) {
      if (at(e).what != sort::read) continue;
      bool const won = at(e).must_equal;
      reads.push_back(std::to_string(value_[static_cast<std::size_t>(e)]) + (won ? "!" : ""));
    }
    std::vector<unsigned> finals;
    for (auto const& order : mo_) finals.push_back(value_[static_cast<std::size_t>(order.back())]);
    outcomes_.insert(text_of(reads, finals));
  }

  event const& at(int e) const { return events_[static_cast<std::size_t>(e)]; }

  program const& p_;
  int locations_;
  bool thin_air_;
  int n_ = 0;
  std::vector<event> events_;
  std::vector<int> source_;  // of each read: the write
  std::vector<unsigned> value_;
  std::vector<std::vector<int>> mo_;  // by location, the initial write first
  std::set<std::string> outcomes_;
};

inline std::set<std::string> allowed(program const& p, int locations, bool thin_air = false) {
  return executions(p, locations, thin_air).outcomes();
}

}  // namespace retake::test::rc11
