// A disk that fails as long as this lives.
#pragma once
#include "state/faults/disk_faults.h"

namespace fulmar::test {

struct Fault {
  explicit Fault(int fault) { set_disk_fault(fault); }
  ~Fault() { set_disk_fault(disk_in_order); }
};

}  // namespace fulmar::test
