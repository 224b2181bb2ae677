// Poll sets: epoll(7), level- and edge-triggered. See files.hpp.
//
// Recipe.    As fs/eventpoll.c. An activity puts a watch at the end of its set's ready list, once.
//            epoll_wait walks the list: it asks each file for its state of the moment; nothing the
//            watch is interested in: off the list, without a report. Else it is reported; a
//            level-triggered watch goes back to the end of the list, an edge-triggered one waits
//            for the next activity.
#include <cerrno>

#include "kernel/files.hpp"

namespace retake::sim::kernel {

using namespace world::kernel;

namespace {

constexpr std::uint32_t always = poll_err | poll_hup;
constexpr std::uint32_t known = poll_in | poll_out | poll_rdhup | poll_err | poll_hup | poll_edge;

void append_ready(poll_body& set, watch& w) noexcept {
  w.ready = true;
  w.next_ready = nullptr;
  (set.ready_last == nullptr ? set.ready_first : set.ready_last->next_ready) = &w;
  set.ready_last = &w;
}

watch* pop_ready(poll_body& set) noexcept {
  watch* const w = set.ready_first;
  if (w == nullptr) return nullptr;
  set.ready_first = w->next_ready;
  if (set.ready_first == nullptr) set.ready_last = nullptr;
  w->ready = false;
  return w;
}

void leave_ready_list(poll_body& set, watch& gone) noexcept {
  if (!gone.ready) return;
  watch* w = set.ready_first;
  set.ready_first = set.ready_last = nullptr;
  while (w != nullptr) {
    watch* const next = w->next_ready;
    if (w != &gone) append_ready(set, *w);
    w = next;
  }
  gone.ready = false;
}

template <watch* watch::*next>
void unlink(watch*& head, watch& gone) noexcept {
  watch** at = &head;
  while (*at != &gone) at = &((*at)->*next);
  *at = gone.*next;
}

void remember_removed(poll_body& set, watch const& w) noexcept {
  poll_event const last{ready_of(*w.target) & w.events, w.data};
  if (last.events == 0) return;
  set.removed[set.removed_count++ % poll_body::removed_max] = last;
}

void remove(watch& w) noexcept {
  poll_body& set = *w.set->poll;
  remember_removed(set, w);
  leave_ready_list(set, w);
  unlink<&watch::next_of_set>(set.members, w);
  unlink<&watch::next_of_target>(w.target->watches, w);
}

// The fault epoll_reorder: the list begins elsewhere.
void maybe_rotate(poll_body& set, site const& where) noexcept {
  std::uint32_t length = 0;
  for (watch const* w = set.ready_first; w != nullptr; w = w->next_ready) ++length;
  if (length < 2 || !fault(fault_kind::epoll_reorder, where)) return;
  std::uint32_t const by = 1 + choose("epoll_reorder", length - 1, where);
  for (std::uint32_t i = 0; i < by; ++i) append_ready(set, *pop_ready(set));
}

// What is on the ready list now, at most `max` events.
int gather(poll_body& set, poll_event* events, int max, site const& where) noexcept {
  maybe_rotate(set, where);
  int count = 0;
  if (set.removed_count != 0 && fault(fault_kind::epoll_stale, where)) {
    events[count++] = set.removed[(set.removed_count - 1) % poll_body::removed_max];
  }
  watch* const last = set.ready_last;  // what is appended from here on belongs to the next walk
  while (count < max && set.ready_first != nullptr) {
    watch& w = *pop_ready(set);
    std::uint32_t const now = ready_of(*w.target) & w.events;
    if (now != 0) {
      events[count++] = {now, w.data};
      bool const again = (w.events & poll_edge) == 0 || fault(fault_kind::epoll_duplicate, where);
      if (again) append_ready(set, w);
    }
    if (&w == last) break;
  }
  if (count != 0) observe(set.order);
  return count;
}

}  // namespace

std::uint32_t ready_of(file& f) noexcept {
  switch (f.kind) {
    case file_kind::pipe_reader:
    case file_kind::pipe_writer: return pipe_ready(f);
    case file_kind::counter: return counter_ready(f);
    case file_kind::socket: return socket_ready(f);
    case file_kind::ring: return ring_ready(f);
    case file_kind::process: return f.process->ended ? poll_in : 0;
    case file_kind::regular:
    case file_kind::poll_set: break;
  }
  fail("harness: a poll set in a poll set is not simulated");
}

void activity(file& f, std::uint32_t key) noexcept {
  for (watch* w = f.watches; w != nullptr; w = w->next_of_target) {
    if (key != 0 && (key & w->events) == 0) continue;
    if (!w->ready) append_ready(*w->set->poll, *w);
    notify_all(w->set->sleepers);
  }
  notify_all(f.sleepers);
  if (f.armed != nullptr) ring_retry(f);
}

bool readable_and_unannounced(int descriptor) noexcept {
  file* const f = lookup(descriptor);
  if (f == nullptr || f->watches == nullptr || (ready_of(*f) & (poll_in | poll_rdhup | always)) == 0) return false;
  for (watch const* w = f->watches; w != nullptr; w = w->next_of_target) {
    if (w->ready) return false;
  }
  return true;
}

void remove_watches(file& f) noexcept {
  while (f.watches != nullptr) remove(*f.watches);
  if (f.poll == nullptr) return;
  while (f.poll->members != nullptr) remove(*f.poll->members);
}

}  // namespace retake::sim::kernel

namespace retake::world::kernel {

using namespace sim::kernel;

int epoll_create(site where) noexcept {
  enter(where);
  if (!room_for_descriptors(1, where)) return leave(-EMFILE);
  file& f = *make<file>(file_kind::poll_set);
  f.poll = make<poll_body>();
  return leave(give_descriptor(f));
}

int epoll_add(int ep, int fd, std::uint32_t events, std::uint64_t data, site where) noexcept {
  enter(where);
  file* const set = lookup(ep);
  file* const target = lookup(fd);
  if (set == nullptr || target == nullptr) return leave(-EBADF);
  if (set->poll == nullptr || set == target) return leave(-EINVAL);
  if (target->kind == file_kind::regular) return leave(-EPERM);
  if ((events & ~known) != 0) sim::fail("harness: epoll_add with events that are not simulated", where);
  for (watch const* w = set->poll->members; w != nullptr; w = w->next_of_set) {
    if (w->target == target && w->descriptor == fd) return leave(-EEXIST);
  }
  watch& w = *make<watch>();
  w.set = set;
  w.target = target;
  w.descriptor = fd;
  w.events = events | always;
  w.data = data;
  w.next_of_set = set->poll->members;
  set->poll->members = &w;
  w.next_of_target = target->watches;
  target->watches = &w;
  publish(set->poll->order);
  if ((ready_of(*target) & w.events) != 0) {
    append_ready(*set->poll, w);
    sim::notify_all(set->sleepers);
  }
  return leave(0);
}

int epoll_del(int ep, int fd, site where) noexcept {
  enter(where);
  file* const set = lookup(ep);
  file* const target = lookup(fd);
  if (set == nullptr || target == nullptr) return leave(-EBADF);
  if (set->poll == nullptr || set == target) return leave(-EINVAL);
  for (watch* w = set->poll->members; w != nullptr; w = w->next_of_set) {
    if (w->target != target || w->descriptor != fd) continue;
    remove(*w);
    return leave(0);
  }
  return leave(-ENOENT);
}

int epoll_wait(int ep, poll_event* events, int max, int timeout_ms, site where) noexcept {
  enter(where);
  file* const set = lookup(ep);
  if (max <= 0) return leave(-EINVAL);
  if (set == nullptr) return leave(-EBADF);
  if (set->poll == nullptr) return leave(-EINVAL);
  hold const keep(*set);
  std::int64_t const deadline_ns =
      timeout_ms < 0 ? sim::no_deadline : sim::now_ns() + std::int64_t{timeout_ms} * 1'000'000;
  for (;;) {  // bound: each round is a wake-up by an activity; the deadline is absolute
    int const count = gather(*set->poll, events, max, where);
    if (count != 0) return leave(count);
    if (sim::now_ns() >= deadline_ns) return leave(0);
    if (sleep_on(set->sleepers, deadline_ns, where) != slept::interrupted) continue;
    int const meanwhile = gather(*set->poll, events, max, where);  // events win over a signal
    return leave(meanwhile != 0 ? meanwhile : -EINTR);
  }
}

}  // namespace retake::world::kernel
