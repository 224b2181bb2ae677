// engine.hpp: runs one scenario once, with every decision taken by a chooser.
//
// Problem.   A protocol fails in one interleaving of a billion, on hardware that reorders, with a
//            fault in between. To find that interleaving, to name it and to run it again, one party
//            must decide everything that real machines leave open.
// Rejected.  Real threads with a token (context switches of 2 us, and the kernel's order leaks in).
//            A controller stack between any two threads (two switches a step: 58 ns instead of 29).
//            Rewriting binaries: finds no annotations, hence no orders.
// Recipe.    Virtual threads are stacks on one OS thread. Before a visible operation a thread
//            announces it (point): a choice says who goes on; the switch goes straight to him. Back
//            on the processor the operation runs, atomic up to the next announcement. A thread that
//            cannot go on leaves the mask of enabled ones. When nobody can: jump the clock, or
//            report. Up to chaos_steps the chooser decides, then the world heals: fair, no faults,
//            newest values; now it must end. An alarm that rings and wakes no thread is no
//            progress: every loop of the engine is bounded by a count of its own, and end_when() is
//            asked in all of them.
//            All state of an execution is reset in time proportional to what was used.
//
// States.    a thread slot is  unused | enabled | blocked (in a wait_list, with or without
//            deadline) | paused (until a location it read changes, or it gives up) | yielded (until
//            somebody else made a step) | ended. Only `enabled` is in the mask.
// Fields.    the engine is reached by one global pointer, set while run() is active: the only
//            mutable global of the image.
// Findings   tag                what happened
//            (before the ':')   a failed require, ghost move or sim::fail
//            race               two touches of a plain, one a write, unordered; or a touch
//                               unordered with the construction or the end
//            deadlock           nobody can run and no deadline is pending
//            livelock           all that live spin on what no thread changes, and no loop gives up;
//                               or a healed world does not end
//                               within heal_steps
//            steps, memory, bound  a named bound was hit: steps_max, the arena, objects or threads
//            use_after_free     an atomic or plain touched outside its life
//            fatal              world::fatal with a text that the scenario does not expect
//            crash              SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT inside the execution
//
// Checked by tests/sim/*.
// Not promised: preemption between two visible operations (a race in plain data is found by clocks,
//            not by interleaving it). More than 16 threads alive at one time; when slots are
//            reused, races between the old and the new thread of a slot are missed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "sim/arena.hpp"
#include "sim/calls.hpp"
#include "sim/choices/chooser.hpp"
#include "sim/memory.hpp"
#include "sim/options.hpp"
#include "sim/scenario.hpp"
#include "sim/seq_cst.hpp"
#include "sim/sites.hpp"
#include "sim/stack_memory.hpp"
#include "switch/context.hpp"

namespace retake::sim {

struct finding {
  char tag[48] = {};
  char claim[256] = {};
  std::uint32_t thread = 0;
  std::uint16_t site = 0;
  std::uint32_t step = 0;
  world::site from{};  // the line of the harness that objected
};

struct execution {
  std::uint64_t hash = 0;
  std::uint32_t steps = 0;
  std::uint32_t choices = 0;
  std::uint32_t preemptions = 0;
  std::uint32_t stale_reads = 0;  // and stores before newer ones
  std::uint32_t faults = 0;
  std::uint32_t ticks = 0;
  std::uint32_t threads = 0;
  bool truncated = false;  // chaos ended by its bound, or a buffer was full: other choices would have followed
  bool cut = false;        // ended from outside (end_when), which says nothing about the scenario
  bool failed = false;
  finding what;
};

// One decision, as a replay keeps it.
struct choice_record {
  choice_kind kind;
  std::uint8_t thread;  // slot of who asked
  op_kind op;
  bool running_enabled;
  std::uint16_t site;
  std::uint16_t to;  // thread choices: slot chosen, or clock_slot
  std::uint32_t n;
  std::uint32_t chosen;
  std::uint32_t local;  // visible operations of that thread before this one
  char const* name;     // fault and named: which

  bool preempts() const noexcept {
    return kind == choice_kind::thread && running_enabled && chosen != 0 && to != clock_slot;
  }
};
static_assert(sizeof(choice_record) == 32);

// One step, as the timeline shows it.
struct event {
  std::uint64_t value;  // loaded, stored, or offset of a text
  std::uint16_t site;
  std::uint16_t object;
  std::uint8_t thread;
  op_kind op;
  std::uint8_t outcome;  // see event_outcome
  std::uint8_t age;      // how many stores behind the newest
};
static_assert(sizeof(event) == 16);
namespace event_outcome {
inline constexpr std::uint8_t none = 0, won = 1, lost = 2, woken = 3, changed = 4, timed_out = 5, failed = 6,
                              gave_up = 7;
}

struct crash_watch;

class engine {
 public:
  static constexpr std::uint32_t events_max = 1U << 20;  // the last ones are kept
  static constexpr std::uint32_t choices_max = 1U << 20;

  // Used on the OS thread that made it.
  explicit engine(options const& o);
  ~engine();
  engine(engine const&) = delete;
  engine& operator=(engine const&) = delete;

  // One execution, decided by `c` (who gets no begin() and no end(): those are the caller's).
  execution const& run(scenario const& s, chooser& c);
  // Asked once in look_steps steps, and once in look_rings alarms that ring in vain: true cuts the
  // execution short. nullptr takes it away.
  using over_hook = bool (*)(void* context);
  void end_when(over_hook over, void* context) noexcept {
    over_ = over;
    over_context_ = context;
  }

  options const& settings() const noexcept { return options_; }
  execution const& last() const noexcept { return result_; }
  std::span<choice_record const> choices() const noexcept { return {choices_.as<choice_record>(), result_.choices}; }
  // Events of the last execution, oldest first.
  std::uint32_t event_count() const noexcept;
  event const& event_at(std::uint32_t i) const noexcept;
  char const* text_at(std::uint64_t offset) const noexcept { return texts_.as<char>() + offset; }
  // Texts of note_lane and print are kept only when this is on.
  void record_texts(bool on) noexcept { record_texts_ = on; }
  // Pairs of (store, load that read it) are counted here, hashed, for libFuzzer: at most 1,024
  // bytes are of use.
  void count_pairs(std::span<std::uint8_t> counters) noexcept { pairs_ = counters; }
  site_table& sites() noexcept { return sites_; }
  site_table const& sites() const noexcept { return sites_; }
  std::uint32_t thread_number(std::uint32_t slot) const noexcept { return threads_[slot].number; }

  // ---- what calls.cpp and its like use; not for others ----
  struct spin_read {
    location* where;
    std::uint32_t sequence;
    std::uint16_t site;  // of its last read
  };
  // One operation of a loop, and what it touched.
  struct loop_step {
    std::uint16_t site;
    std::uint16_t object;
    bool operator==(loop_step const&) const = default;
  };
  enum class thread_state : std::uint8_t { unused, enabled, blocked, paused, yielded, ended };
  struct thread {
    floor::context context;
    vector_clock hb;
    // seq_cst.hpp. last_sc is the thread's last operation.
    bool knows_sc;
    std::uint32_t last_sc;
    sc_past sc;
    std::uint32_t run_at;        // location of its last accesses; 0: something else
    std::uint32_t run_sc;        // its last operation before them
    vector_clock run_elsewhere;  // sc.elsewhere before them
    std::uint32_t views_at;      // sc_version_ of `views`; never: of none
    sc_precedents views;
    // fences.cpp, where fences synchronize.
    release_clocks released;    // by its last release fence
    release_clocks acquirable;  // by its next acquire fence
    bool read_clock;            // since its last pause
    bool wrote;                 // since its last pause
    bool timed_out;
    bool interrupted;  // its sleep was ended by a signal
    thread_state state;
    // What pause() knows of the loop that the thread is in (spinning.cpp).
    bool reads_overflow;
    std::uint8_t reads_count;  // locations read since the last pause
    std::uint8_t fresh_count;  // reads to come that return the newest
    std::uint8_t known_count;  // pauses and effects that belong to the loop
    std::uint32_t pauses;      // of the loop
    std::uint32_t number;      // in order of creation, never reused
    std::int64_t deadline_ns;
    wait_list* waiting_in;
    void* slot;
    void* fault_boundary;
    void (*entry)(void*);
    void* argument;
    static constexpr std::uint32_t reads_max = 8;
    static constexpr std::uint32_t known_max = 8;
    spin_read reads[reads_max];
    spin_read fresh[reads_max];
    loop_step known[known_max];
  };

  // schedule.cpp
  void point(op_kind kind, site_record& s, std::uint32_t object) noexcept;
  void done(op_kind kind, site_record const& s, std::uint32_t object, std::uint64_t value, std::uint8_t outcome,
            std::uint64_t hashed, std::uint32_t age = 0) noexcept;
  std::uint32_t decide(choice_point const& p) noexcept;
  std::uint32_t decide_value(choice_kind kind, std::uint32_t n, op_kind op, site_record const& s,
                             char const* name) noexcept;
  wait_result block(wait_list* list, std::int64_t deadline_ns, op_kind kind, site_record& s,
                    std::uint32_t object) noexcept;
  bool notify(wait_list& list, std::uint32_t index) noexcept;
  void rouse(std::uint32_t slot) noexcept;
  bool interrupt(std::uint32_t number) noexcept;
  bool deliver() noexcept { return deliver_signals_ != nullptr && deliver_signals_(); }
  void jump_clock() noexcept;
  void recompute_earliest() noexcept;
  bool strike(fault_kind kind, site const& where) noexcept;

  // What a race check is asked for; all but a read are writes.
  enum class access : std::uint8_t { read, write, end, deallocation, returned_pages };

  // spinning.cpp
  void spin(site_record& s) noexcept;
  void forget_loop() noexcept {
    running_->pauses = 0;
    running_->reads_overflow = false;
    running_->reads_count = running_->fresh_count = running_->known_count = 0;
  }
  void effect(site_record const& s, std::uint32_t object) noexcept;

  // atomics.cpp, races.cpp, lifetimes.cpp
  location& find(void const* object, std::uint32_t number, site const& where, op_kind kind) noexcept;
  // After a choice point: others may have ended it meanwhile.
  location& find_again(void const* object, std::uint32_t number, site const& where, op_kind kind) noexcept {
    location& l = locations_.as<location>()[number];
    if (l.owner == object && !l.dead) [[likely]]
      return l;
    return find(object, number, where, kind);
  }
  std::uint32_t add_location(void const* object, std::uint64_t initial, value_traits traits,
                             site const& where) noexcept;
  std::uint64_t read(location& l, order o, site_record const& s, std::uint32_t& age) noexcept;
  // Rings lie an odd number of cache lines apart: a power of two would let all compete for the same
  // few.
  std::size_t ring_bytes() const noexcept { return (ring_mask_ + 1) * sizeof(store_entry) + alignof(store_entry); }
  store_entry* ring_at(std::uint32_t number) const noexcept {
    return reinterpret_cast<store_entry*>(entries_.as<char>() + number * ring_bytes());
  }
  std::uint64_t take(location& l, std::uint32_t sequence, order o, site_record const& s) noexcept;
  std::uint32_t place_for(location& l, order o, site_record const& s) noexcept;
  std::uint32_t entry_to_exchange(location& l, std::uint64_t expected, order o, bool weak, site_record const& s,
                                  bool& won) noexcept;
  std::uint32_t append(location& l, std::uint64_t value, order o, std::uint32_t after, bool modifies,
                       site_record const& s) noexcept;
  void acquire(store_entry& e, order o) noexcept;
  // fences.cpp
  void fence(order o) noexcept;
  void keep_acquirable(store_entry& e) noexcept;
  void release_by_fence(store_entry& e) noexcept;
  void fence_everywhere(site_record& s) noexcept;
  // seq_cst.cpp
  void know_sc(thread& t) noexcept;
  void begin_run(thread& t, std::uint32_t location) noexcept;
  void publish_sc(sc_past& to, bool& has, thread const& t, std::uint32_t slot, std::uint32_t last) const noexcept;
  void learn_sc(thread& t, sc_past const& from) noexcept;
  std::size_t record_index(store_entry const& e) const noexcept {
    return static_cast<std::size_t>(reinterpret_cast<char const*>(&e) - entries_.as<char>()) / sizeof(store_entry);
  }
  sc_record& record_of(store_entry& e) noexcept {
    sc_record& r = records_.as<sc_record>()[record_index(e)];
    if (!e.has_record) {
      e.has_record = true;
      r.fences.clear();
      r.accesses.clear();
      r.reading_fences.clear();
      r.reading_accesses.clear();
    }
    return r;
  }
  void read_sc(location& l, std::uint32_t sequence, order o) noexcept;
  void write_sc(location& l, std::uint32_t sequence, order o) noexcept;
  std::uint32_t fence_sc(thread& t, std::uint32_t slot, vector_clock const& also) noexcept;
  store_entry& entry_at(location const& l, std::uint32_t sequence) const noexcept {
    return l.ring[sequence & ring_mask_];
  }
  void note_read(location& l, std::uint32_t sequence, site_record const& s) noexcept;
  // What of a value enters the hash of the trace. Addresses differ from process to process: of a
  // pointer it is "zero or not", and so it is of an integer that is an address of the execution's
  // own memory (arena, stacks). Each other integer enters whole. Not promised: an integer that
  // carries an address of anything else, or an address with its upper bits in use.
  std::uint64_t hash_class(location const& l, std::uint64_t value) const noexcept {
    if (l.traits.pointer) return value != 0;
    return value <= UINT32_MAX || !is_address(value) ? value : 1;
  }
  bool is_address(std::uint64_t value) const noexcept;
  std::uint32_t add_plain(void const* object, site const& where) noexcept;
  plain_record& find_plain(void const* object, std::uint32_t number, site const& where, op_kind kind) noexcept;
  void plain_touch(plain_record& p, site_record const& s, bool write) noexcept;
  void judge(plain_record& p, access how, std::uint16_t site) noexcept;
  [[noreturn]] void fail_race(access how, std::uint16_t site, char const* earlier, std::uint32_t other,
                              std::uint16_t earlier_site) noexcept;
  void touch(location& l) noexcept { l.touched[running_slot_] = running_->hb.at[running_slot_]; }
  void judge_end(location& l, access how, std::uint16_t site) noexcept;
  void judge_end(plain_record& p, access how, std::uint16_t site) noexcept;
  void end_location(void const* object, std::uint32_t number) noexcept;
  void end_plain(void const* object, std::uint32_t number) noexcept;
  std::uint32_t place(void const* object, std::uint32_t key) noexcept;
  void end_memory(void const* low, std::size_t bytes, access how, std::uint16_t site) noexcept;
  std::uint16_t last_site() const noexcept { return pending_[running_slot_].site; }
  event const* last_touch(std::uint32_t slot, location const& l) const noexcept;

  // threads.cpp, findings.cpp
  int start_thread(void (*entry)(void*), void* argument, site_record& s) noexcept;
  [[noreturn]] void fail(char const* tag, char const* claim, std::uint16_t site,
                         world::site from = world::site::current()) noexcept;
  [[noreturn]] void fail_tagged(char const* tag_and_claim, site const& where, site const& from) noexcept;
  [[noreturn]] void finish() noexcept;
  void crashed(int signal) noexcept;
  void run_quiescence() noexcept;
  void put_text(op_kind kind, std::uint16_t lane, std::uint64_t id, char const* text, std::size_t n) noexcept;
  void* stack_get(std::size_t bytes) noexcept;
  void stack_put(void* low) noexcept;
  void drop_pooled_stack(std::uint32_t index) noexcept;
  void note_given_back(void const* low) noexcept;

  struct registered_hook {
    hook call;
    void* context;
  };
  struct pending_alarm {
    std::int64_t deadline_ns;
    hook call;
    void* context;
    std::uint32_t set_at;  // how many alarms had rung before
  };
  struct pooled_stack {
    stack_memory memory;
    bool used;
  };
  static constexpr std::size_t stretch_bytes = 128;
  static constexpr std::uint32_t quiescence_hooks_max = 16;
  static constexpr std::uint32_t alarms_max = 64;
  static constexpr std::uint32_t pooled_stacks_max = 512;
  static constexpr std::size_t thread_stack_bytes = 256 * 1024;
  static constexpr std::size_t texts_bytes = 1U << 20;
  static constexpr std::int64_t step_ns = 20;
  static constexpr std::uint32_t look_steps = 1U << 16;
  static constexpr std::uint32_t rounds_alone_max = 1'024;  // of a loop that may give up
  static constexpr std::uint32_t operations_alone_max = 1U << 14;
  static constexpr std::uint32_t rings_at_once_max = 1U << 16;  // alarms that ring at one time
  static constexpr std::uint32_t renewals_max =
      1U << 14;  // alarms that ring in vain before those that renew themselves count for nothing
  static constexpr std::uint32_t look_rings =
      1U << 12;  // alarms that ring in vain then, from one look at the end of the campaign to the next
  static constexpr std::uint32_t rings_max = 1U
                                             << 22;  // alarms that ring in vain while some thread waits for a deadline

  // Hot, in the order of use.
  thread* running_ = nullptr;
  std::uint32_t running_slot_ = 0;
  std::uint32_t enabled_ = 0;
  std::uint32_t yielded_ = 0;
  std::uint32_t paused_ = 0;
  std::uint32_t steps_ = 0;
  std::uint32_t look_at_ = 0;  // the step at which point() leaves its short way: chaos_end_, or before
  std::uint32_t chaos_end_ = 0;
  std::uint32_t heal_end_ = 0;
  std::uint32_t looked_at_ = 0;
  std::uint32_t width_ = 1;  // slots in use so far
  std::int64_t now_ns_ = 0;
  std::int64_t wall_step_ns_ = 0;        // what the date was set forward by
  bool (*deliver_signals_)() = nullptr;  // on_interruption
  std::int64_t earliest_ns_ = no_deadline;
  std::uint64_t hash_ = 0;
  std::uint32_t event_next_ = 0;
  std::uint32_t choice_next_ = 0;
  chooser* chooser_ = nullptr;
  bool c11_ = true;
  bool healing_ = false;
  bool record_texts_ = false;
  bool crashing_ = false;
  std::uint32_t ring_mask_ = 0;
  std::uint32_t history_ = 1;
  std::uint32_t locations_used_ = 0;
  std::uint32_t plains_used_ = 0;
  std::uint32_t objects_made_ = 0;
  std::uint32_t elsewhere_ = 0;        // the objects that do not lie in the arena, as places_
  bool keeps_sc_ = false;              // a load can read an older store
  std::uint32_t operations_used_ = 0;  // seq_cst.hpp
  std::uint32_t reversals_used_ = 0;
  std::uint32_t sc_version_ = 0;  // clocks of operations have changed so often
  std::uint32_t placements_left_ = 0;
  std::uint32_t weak_failures_left_ = 0;
  std::uint32_t lonely_ = 0;           // times in a row that nobody but spinners could run
  std::uint32_t slice_ = 0;            // heal: steps left of the running thread's turn
  std::uint32_t only_yielded_ = 0;     // times in this execution that no thread but those that yielded could run
  std::uint32_t in_vain_ = 0;          // paused threads whose loop does not end on what they read
  std::uint32_t told_to_give_up_ = 0;  // a paused thread that goes on alone, as no other can run
  std::uint32_t give_ups_left_ = 0;
  std::uint32_t numbers_ = 0;
  std::uint32_t alive_ = 0;
  std::uint32_t faults_left_ = 0;
  std::uint32_t alarms_ = 0;
  std::uint32_t rings_ = 0;          // alarms that rang in this execution
  std::uint32_t still_step_ = 0;     // the last step before nobody could run
  std::uint32_t still_rings_ = 0;    // rings_ then
  std::int64_t still_asked_ns_ = 0;  // until when the hook was asked about it last
  std::uint32_t looked_ring_ = 0;    // rings_ when the end of the campaign was looked for last
  std::uint32_t quiescence_count_ = 0;
  std::size_t text_next_ = 0;
  wait_list joiner_;
  pending_operation pending_[threads_max];
  thread threads_[threads_max];
  commit_hook commit_ = nullptr;
  void* commit_context_ = nullptr;
  still_hook still_ = nullptr;
  void* still_context_ = nullptr;
  registered_hook quiescence_[quiescence_hooks_max];
  pending_alarm alarm_[alarms_max];
  void* user_[static_cast<std::size_t>(user_slot::count)] = {};
  scenario const* scenario_ = nullptr;
  execution result_;
  options options_;
  std::span<std::uint8_t> pairs_;
  site_table sites_;
  arena arena_;
  std::uint32_t live_allocations_ = 0;
  reserved_memory events_, choices_, locations_, entries_, plains_, texts_, stacks_, operations_, records_, reversals_;
  reserved_memory places_;  // lifetimes.cpp: for each stretch of the arena, the objects that were made there
  stack_memory thread_stacks_[threads_max];
  pooled_stack pool_[pooled_stacks_max];
  std::uint32_t pool_size_ = 0;
  floor::context host_;
  over_hook over_ = nullptr;
  void* over_context_ = nullptr;

  // The running thread goes through its loop alone, to see whether it gives up.
  struct loop_alone {
    static constexpr std::uint32_t places_max = 32;
    bool active;
    bool by_choice;
    std::uint16_t pause_site;
    std::uint32_t rounds;
    std::uint32_t operations;
    std::uint32_t places_count;
    loop_step places[places_max];  // of the last round before
    std::uint64_t hash;            // as it was then
    std::uint32_t event_next;
  };
  loop_alone alone_{};

 private:
  void reset(scenario const& s, chooser& c) noexcept;
  void release_slots() noexcept;
  std::uint32_t budget_of(choice_kind kind) const noexcept;
  void pick_next(bool running_enabled) noexcept;
  void pick_fair(bool running_enabled) noexcept;
  void switch_to(std::uint32_t slot) noexcept;
  void nobody_can_run() noexcept;
  std::int64_t still_until() noexcept;
  void look() noexcept;
  [[noreturn]] void cut() noexcept;
  void expire() noexcept;
  void wake(std::uint32_t slot) noexcept;
  static void thread_main(void* argument);
  bool is_known(loop_step p) noexcept;
  bool read_what_changed(bool keep_fresh) noexcept;
  bool is_fresh(location const& l, site_record const& s) noexcept;
  bool wait_in_loop(bool until_change) noexcept;
  bool tell_to_give_up() noexcept;
  bool go_alone(site_record const& s, bool by_choice) noexcept;
  bool add_place(loop_step p) noexcept;
  bool is_place_alone(loop_step p) const noexcept;
  bool learn_places(site_record const& s) noexcept;
  bool stays_alone(site_record const& s, std::uint32_t object) noexcept;
  void leave_alone(bool gave_up) noexcept;
  std::uint32_t sequence_alone(location const& l) const noexcept;
  bool tracks_sc(order o) const noexcept;
  std::uint32_t floor_of(location const& l, order o) noexcept;
  std::uint32_t floor_of_load(location const& l, order o, site_record const& s) noexcept;
  bool must_see(store_entry const& e) const noexcept;
  bool may_follow(location const& l, std::uint32_t sequence) const noexcept;
  void make_room(location& l, std::uint32_t after) noexcept;
  sc_operation& operation(std::uint32_t number) const noexcept { return operations_.as<sc_operation>()[number]; }
  void precede(sc_precedents& p, vector_clock const& operations) const noexcept;
  sc_precedents const& fence_views(thread& t) noexcept;
  std::uint32_t forced_by_sc(location const& l, std::uint32_t low, order o) noexcept;
  std::uint32_t add_operation(thread& t, std::uint32_t slot, vector_clock const& predecessors, bool is_fence) noexcept;
  std::uint32_t add_access(location& l, vector_clock predecessors) noexcept;
  void reverse(location const& l, std::uint32_t first, std::uint32_t mine) noexcept;
  void join_behind(vector_clock const& targets, sc_precedents const& p) noexcept;

  std::unique_ptr<crash_watch> watch_;
};

// The engine whose execution runs on this OS thread. The one mutable global.
extern engine* the_engine;

}  // namespace retake::sim
