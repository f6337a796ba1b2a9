// What requests of RWKV-Runner's clients set for all that come after: there, one client has the server for itself.
#pragma once
#include <cstdint>
#include <list>
#include <mutex>
#include <string>

#include "answer/fields.h"
#include "fulmar/engine.h"

namespace fulmar::host {
class Shelf;
}

namespace fulmar::api {

struct StandingValues {
  StandingValues();  // RWKV-Runner's defaults

  uint32_t max_tokens = 500;
  Sampling sampling;
  std::string state;  // a tuned state's name among the files that requests may name; empty: none
};

// What a request or /update-config may say of them. docs/runner.md prints it; a test compares the two.
extern const std::span<const Field> model_config;  // standing_fields.cpp

// The values with those that `fields` has, whose table has the rows of model_config. Throws Error(bad_request).
StandingValues overlaid(StandingValues values, const Fields& fields);

class Standing {
 public:
  // A client has spoken as RWKV-Runner's do: from now on requests that could be anybody's are read as theirs.
  void begin();
  bool begun() const;
  // The model stays, and so does the server, until it is started again.
  void deploy();
  bool deployed() const;

  StandingValues values() const;
  void set(StandingValues values);
  // Whether their requests go on from what others have read.
  bool uses_cache() const;
  void use_cache(bool yes);

  // A tuned state's file as a value, from memory where it was read before and has not changed. Throws Error(bad_request)
  // with the beginnings that RWKV-Runner's sentences have.
  StatePtr tuned(const host::Shelf& shelf, const Engine& engine, const std::string& name);

 private:
  struct Read {
    std::string file, version;  // when it was written
    StatePtr state;
  };
  static constexpr size_t kRead = 4;  // states in memory; docs/runner.md has it

  mutable std::mutex mutex_;
  bool begun_ = false, deployed_ = false, uses_cache_ = true;
  StandingValues values_;
  std::list<Read> read_;  // the one used last at the head
};

}  // namespace fulmar::api
