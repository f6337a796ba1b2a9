// The table behind `fulmar bench --ops`: launches, time and bytes by kind of operation.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/model.h"

namespace fulmar::tools {

// A step without picks ends before the head, so the ops from Pick on cost nothing there.
ops::Cost step_cost(const ops::Tape& tape, const ops::BatchShape& shape);

class OpTable {
 public:
  explicit OpTable(const ops::Tape& tape) : tape_(tape) {}
  void add(const ops::BatchShape& shape, const std::vector<ops::OpTime>& times);
  // Figures are per repeat. `memory` is the device's bandwidth in bytes a second.
  void print(const std::string& title, uint32_t repeats, double memory) const;

 private:
  struct Sum {
    uint64_t launches = 0, bytes = 0;
    double seconds = 0;
  };
  std::string kind(const ops::OpTime& run) const;

  const ops::Tape& tape_;
  std::map<std::string, Sum> sums_;
};

}  // namespace fulmar::tools
