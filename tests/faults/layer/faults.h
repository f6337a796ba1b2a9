// What goes wrong, and when: the words of FULMAR_FAULTS and of the file that FULMAR_FAULT_FILE names.
//
// FULMAR_FAULTS is read when an instance's devices are asked about and when a device is made; what it says counts from
// then on, for that device. The file is for a program that runs already: once it is there, its words take the place of
// a device's faults at the device's next submit, which counts as the first, and the file is gone.
//
//   lose_submit=N     submit N and all that comes after it answers VK_ERROR_DEVICE_LOST
//   lose_wait=N       waits do, once submit N was made
//   silent            waits for a lost device time out instead of saying that it is lost
//   stop=N            from submit N on nothing is ever done; waiting for the device or destroying anything of it never
//                     returns
//   fail=N            the N-th call that may fail, does (making, recording, allocating, mapping, submitting)
//   max_allocation=B  buffers and allocations of more than B bytes are refused, and the device says so
//   max_groups=N      the same for the workgroups of a launch in x and y; one with more ends the process
//   two_heaps         buffers may also lie in a second heap: in types behind the driver's own, one for each, which the
//                     device's list does not show
//   no_memory_in_type=K   allocations from memory type K are refused
//   no_device         the driver finds none
//   portability       the driver implements less than all of Vulkan: instances must ask for such devices and devices be
//                     made with VK_KHR_portability_subset, or there are none
//   discrete          software says that it is a discrete card
//   no_matrix_units   cooperative matrices are not offered
//   matrix_query=crash|hang|fail     when the sizes of cooperative matrices are asked for (each reads "offer" too)
//   matrix_compile=crash|hang|fail   when a kernel that uses them is compiled
//   matrix_run=crash|hang|lie|stop   when it runs: hang inside the submit, lie by computing nothing, stop as above
//   offer             the extension is claimed although the driver lacks it: its kernels are never compiled nor run
#pragma once
#include <cstdint>
#include <string>

namespace fulmar::faults {

struct Faults {
  uint64_t lose_submit = 0, lose_wait = 0, stop = 0, fail = 0;  // 0: never
  uint64_t max_allocation = 0, max_groups = 0;
  uint64_t no_memory_in_type = ~uint64_t{0};
  bool silent = false, no_device = false, discrete = false, offer = false, no_matrix_units = false;
  bool two_heaps = false, portability = false;
  std::string matrix_query, matrix_compile, matrix_run;
};

Faults parse(const std::string& words);
// What FULMAR_FAULTS says now.
Faults of_environment();
// Whether the file of FULMAR_FAULT_FILE is there; it is read and removed.
bool take_file(Faults& faults);

// Crashes or hangs where the word says so.
void suffer(const std::string& word);
[[noreturn]] void hang();

}  // namespace fulmar::faults
