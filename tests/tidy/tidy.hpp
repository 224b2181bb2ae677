// tidy.hpp: what the rules share: the tree as lines, the list of exceptions, a place for
// complaints.
#pragma once

#include <string>
#include <vector>

namespace retake::tidy {

struct source {
  std::string name;                // relative to the root
  std::vector<std::string> lines;  // lines[0] is line 1
};

struct tree {
  std::string root;
  std::vector<source> files;  // .hpp .cpp .S .sh .py .md CMakeLists.txt and the launcher; not build/ and out/

  source const* find(std::string const& name) const;
};

// tests/tidy/allowed.txt: `RULE SUBJECT: reason`. An exception that nothing needs any more is a
// complaint itself.
class exceptions {
 public:
  explicit exceptions(std::string const& file);
  bool allows(std::string const& rule, std::string const& subject);
  std::vector<std::string> unused() const;
  std::vector<std::string> const& malformed() const { return malformed_; }

 private:
  struct entry {
    std::string rule, subject;
    bool used = false;
  };
  std::vector<entry> entries_;
  std::vector<std::string> malformed_;
};

class complaints {
 public:
  void add(std::string const& rule, std::string const& file, std::size_t line, std::string const& what);
  std::size_t count() const { return count_; }

 private:
  std::size_t count_ = 0;
};

void check_includes(tree const& t, exceptions& allowed, complaints& out);  // layering, orphan
void check_text(tree const& t, complaints& out);                           // ban, conditional, unfinished
void check_top(tree const& t, complaints& out);                            // top
void check_protocol(tree const& t, complaints& out);                       // one_operation, order_claim
void check_tags(tree const& t, exceptions& allowed, complaints& out);      // tag
void check_width(tree const& t, exceptions& allowed, complaints& out);     // width
void say_figures(tree const& t);

void check_fatal(tree const& t, complaints& out);  // fatal
void check_errno(tree const& t, complaints& out);  // errno

}  // namespace retake::tidy
