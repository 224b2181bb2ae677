// The tree of contexts: a context that is done makes done all that were derived from it.
//
// A node is in the list of the nearest one above it that can be done, under that one's lock, from
// its derivation until it is done, called off or its canceller
// ends: the list holds a use of it. make_done() takes a node's list off it under the lock and goes
// on with each, one level at a time and without recursion. No two nodes' locks are held at once.
//
// A node's error and the end of its channel are one step for every reader: make_done() sets the
// error and closes the channel under the node's lock, and error() reads under it. So a node's lock
// comes before its channel's, and the goroutines that waited are readied when both are free.
//
// A timer that was started has a use of its node, until it is stopped or its goroutine has made the
// node done.
#include "retake/context.hpp"

#include <vector>

#include "protocol/spin_lock.hpp"
#include "retake/clock.hpp"
#include "retake/go.hpp"
#include "retake/select.hpp"
#include "sched/scheduler.hpp"
#include "sync/channel_core.hpp"
#include "sync/core_memory.hpp"
#include "time/runtime_timer.hpp"
#include "world/atomic.hpp"

namespace retake {

namespace detail {

class context_node : runtime_timer {
 public:
  enum class kind : std::uint32_t { value, cancel, call, without_cancel };

  context_node(kind what, context_node* parent)
      : runtime_timer(deadline_passed, let_go), what_(what), parent_(parent), uses_(1), linked_(0), is_done_(0) {
    if (what == kind::cancel) done.emplace();
    keep(parent);
  }

  void use() noexcept { uses_.fetch_add_relaxed(1); }
  void unuse() noexcept {
    if (was_last_use()) end();
  }

  // This node, or the nearest above it, that can be done; nullptr: none.
  [[nodiscard]] static context_node* that_ends(context_node* n) noexcept {
    while (n != nullptr && n->what_ != kind::cancel) n = n->what_ == kind::without_cancel ? nullptr : n->parent_;
    return n;
  }

  // Joins the list of the one above, or is done with it.
  void join() noexcept;
  void make_done(std::error_code error, std::error_code cause) noexcept;
  // Takes it off the list above, if it is there.
  void leave() noexcept;
  // Makes it done without any consequence. False: it was.
  [[nodiscard]] bool call_off() noexcept {
    leave();
    const locked hold(lock_);
    const bool was_done = is_done_.get() != 0;
    is_done_.set(1);
    return !was_done;
  }
  void run_until(std::int64_t due_ns) noexcept;
  void pass_deadline() noexcept { make_done(std::make_error_code(std::errc::timed_out), deadline_cause); }
  // The clock makes it done no more, but for a goroutine that is about to.
  void stop_clock() noexcept {
    if (stop()) unuse();
  }

  [[nodiscard]] std::error_code error() noexcept {
    const locked hold(lock_);
    return error_;
  }
  [[nodiscard]] std::error_code cause() noexcept {
    const locked hold(lock_);
    return cause_;
  }

  std::optional<channel<never_sent>> done;  // of one that can be done
  std::optional<time_point> deadline;       // fixed when others learn of the node, as the four below
  std::error_code deadline_cause;
  bool own_deadline = false;  // sooner than its parent's
  void const* key = nullptr;
  std::unique_ptr<erased> held;

  [[nodiscard]] context_node* parent() const noexcept { return parent_; }
  // How it was derived from its parent.
  [[nodiscard]] std::string text() const;

 private:
  static void deadline_passed(runtime_timer& t, std::int64_t) noexcept;
  static void let_go(runtime_timer& t) noexcept { static_cast<context_node&>(t).unuse(); }
  void call_held() noexcept;
  [[nodiscard]] bool was_last_use() noexcept { return uses_.fetch_sub_acq_rel(1) == 1; }
  void end() noexcept;

  kind const what_;
  context_node* const parent_;
  world::atomic<std::uint32_t> uses_;
  spin_lock lock_;
  context_node* first_ = nullptr;  // under lock_, as error_, cause_ and is_done_: those derived
  context_node* next_ =
      nullptr;  // under the lock of the one above, as the two below; after the last use: of a list of ends
  context_node* previous_ = nullptr;
  world::plain<std::uint32_t> linked_;
  world::plain<std::uint32_t> is_done_;
  std::error_code error_, cause_;
};

void keep(context_node* node) noexcept {
  if (node != nullptr) node->use();
}
void drop(context_node* node) noexcept {
  if (node != nullptr) node->unuse();
}

void context_node::join() noexcept {
  context_node* const above = that_ends(parent_);
  if (above == nullptr) return;
  std::error_code error, cause;
  {
    const locked hold(above->lock_);
    if (above->is_done_.get() == 0) {
      use();
      next_ = above->first_;
      if (next_ != nullptr) next_->previous_ = this;
      above->first_ = this;
      linked_.set(1);
      return;
    }
    error = above->error_;
    cause = above->cause_;
  }
  make_done(error, cause);
}

void context_node::leave() noexcept {
  context_node* const above = that_ends(parent_);
  if (above == nullptr) return;
  {
    const locked hold(above->lock_);
    if (linked_.get() == 0) return;
    linked_.set(0);
    if (previous_ != nullptr) {
      previous_->next_ = next_;
    } else {
      above->first_ = next_;
    }
    if (next_ != nullptr) next_->previous_ = previous_;
  }
  unuse();
}

void context_node::make_done(std::error_code error, std::error_code cause) noexcept {
  context_node* todo = nullptr;  // each with a use, linked by next_
  for (context_node* at = this; at != nullptr;) {
    context_node* derived = nullptr;
    batch<goroutine> waited;
    bool newly = false;
    {
      const locked hold(at->lock_);
      newly = at->is_done_.get() == 0;
      if (newly) {
        at->is_done_.set(1);
        at->error_ = error;
        at->cause_ = cause ? cause : error;
        if (at->what_ == kind::cancel) channel_access::core(&*at->done)->close(waited);
        derived = at->first_;
        at->first_ = nullptr;
        for (context_node* n = derived; n != nullptr; n = n->next_) n->linked_.set(0);
      }
    }
    while (derived != nullptr) {
      context_node* const next = derived->next_;
      derived->next_ = todo;
      todo = derived;
      derived = next;
    }
    ready_all(waited);
    if (newly && at->what_ == kind::call) at->call_held();
    if (newly) at->stop_clock();
    if (at != this) at->unuse();
    at = todo;
    if (todo != nullptr) todo = todo->next_;
  }
}

// After the last use. With a node ends its use of its parent, and its value or function may hold
// the last use of other contexts, to any depth: one end at a time. Those that come while the
// goroutine is in the end of another wait in its list.
void context_node::end() noexcept {
  machine* const m = this_machine();
  goroutine* const g = m != nullptr ? m->current.get() : nullptr;
  if (g != nullptr && g->ending_contexts != nullptr) {
    next_ = *g->ending_contexts;
    *g->ending_contexts = this;
    return;
  }
  context_node* todo = this;
  next_ = nullptr;
  if (g != nullptr) g->ending_contexts = &todo;
  while (context_node* const at = todo) {
    todo = at->next_;
    context_node* const parent = at->parent_;
    release_core(at);
    if (parent == nullptr || !parent->was_last_use()) continue;
    parent->next_ = todo;
    todo = parent;
  }
  if (g != nullptr) g->ending_contexts = nullptr;
}

// Outside of a program there is no goroutine to call it on.
void context_node::call_held() noexcept {
  if (this_machine() == nullptr) return;
  use();
  go([this] {
    struct ends_use {
      context_node& of;
      ~ends_use() { of.unuse(); }
    } const after{*this};  // however the user's function ends
    held->call();
  });
}

void context_node::run_until(std::int64_t due_ns) noexcept {
  use();
  start(due_ns);
}

void context_node::deadline_passed(runtime_timer& t, std::int64_t) noexcept {
  go([&me = static_cast<context_node&>(
          t)] {  // a goroutine, for the last use of a node may end here, and with it a value of the user's
    me.pass_deadline();
    me.unuse();
  });
}

std::string context_node::text() const {
  switch (what_) {
    case kind::value: return ".with_value";
    case kind::without_cancel: return ".without_cancel";
    case kind::cancel: break;
    case kind::call: return "";  // no context has it
  }
  if (!own_deadline) return ".with_cancel";
  const time_point now = monotonic_now();
  if (*deadline <= now) return ".with_deadline(passed)";
  return ".with_deadline(in " + std::to_string((*deadline - now).count()) + " ns)";
}

}  // namespace detail

// How the functions here reach what a context hides.
struct context_access {
  static detail::context_node* node(context const& of) noexcept { return of.node_; }
  static context wrap(detail::context_node* node) noexcept { return context(node); }
  static canceller wrap_canceller(detail::context_node* node) noexcept { return canceller(node); }
};

namespace {

using detail::context_node;

context_node* derive(context const& parent) {
  auto* const node = detail::make_core<context_node>(context_node::kind::cancel, context_access::node(parent));
  node->deadline = parent.deadline();
  if (context_node const* const above = context_access::node(parent)) node->deadline_cause = above->deadline_cause;
  return node;
}

// Joins the context to its parent. Its deadline may be over already, also one that is inherited and
// whose timer is late: then it is done here.
cancellable hand_out(context_node* node) noexcept {
  node->join();
  if (node->deadline && *node->deadline <= monotonic_now()) node->pass_deadline();
  node->use();
  return {context_access::wrap(node), context_access::wrap_canceller(node)};
}

}  // namespace

channel<never_sent>* context::done() const noexcept {
  context_node* const n = context_node::that_ends(node_);
  return n != nullptr ? &*n->done : nullptr;
}

std::error_code context::error() const noexcept {
  context_node* const n = context_node::that_ends(node_);
  return n != nullptr ? n->error() : std::error_code();
}

std::error_code context::cause() const noexcept {
  context_node* const n = context_node::that_ends(node_);
  return n != nullptr ? n->cause() : std::error_code();
}

std::optional<time_point> context::deadline() const noexcept {
  return node_ != nullptr ? node_->deadline : std::nullopt;
}

void canceller::cancel(std::error_code cause) noexcept {
  if (node_ == nullptr) return;
  node_->make_done(std::make_error_code(std::errc::operation_canceled), cause);
  node_->leave();
}

canceller::~canceller() {
  if (node_ == nullptr) return;
  cancel();
  node_->stop_clock();
  node_->unuse();
}

cancellable with_cancel(context const& parent) { return hand_out(derive(parent)); }

cancellable with_deadline(context const& parent, time_point deadline, std::error_code cause) {
  context_node* const node = derive(parent);
  node->own_deadline = !node->deadline || deadline < *node->deadline;
  if (node->own_deadline) {
    node->deadline = deadline;
    node->deadline_cause = cause;
  }
  cancellable made = hand_out(node);
  if (node->own_deadline && !made.ctx.error()) node->run_until(detail::nanoseconds_of(deadline));
  return made;
}

context without_cancel(context const& parent) {
  return context_access::wrap(
      detail::make_core<context_node>(context_node::kind::without_cancel, context_access::node(parent)));
}

std::string to_string(context const& of) {
  std::vector<context_node const*> path;
  for (context_node const* n = context_access::node(of); n != nullptr; n = n->parent()) path.push_back(n);
  std::string text = "background";
  for (std::size_t i = path.size(); i-- > 0;) text += path[i]->text();
  return text;
}

namespace detail {

context derive_value(context const& parent, void const* key, std::unique_ptr<erased> value) {
  auto* const above = context_access::node(parent);
  auto* const node = make_core<context_node>(context_node::kind::value, above);
  node->deadline = parent.deadline();
  if (above != nullptr) node->deadline_cause = above->deadline_cause;
  node->key = key;
  node->held = std::move(value);
  return context_access::wrap(node);
}

context_node* derive_call(context const& parent, std::unique_ptr<erased> fn) {
  auto* const node = make_core<context_node>(context_node::kind::call, context_access::node(parent));
  node->held = std::move(fn);
  node->join();
  return node;
}

erased const* value_of(context const& from, void const* key) noexcept {
  for (context_node const* n = context_access::node(from); n != nullptr; n = n->parent()) {
    if (n->key == key) return n->held.get();
  }
  return nullptr;
}

bool call_off(context_node* node) noexcept { return node->call_off(); }

channel_core* done_of(context const& of) noexcept { return channel_access::core(of.done()); }

}  // namespace detail

}  // namespace retake
