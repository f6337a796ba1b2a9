// The process's one Vulkan instance and its usable devices, with the validation layer when it is asked for.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "vulkan/physical_device.h"

namespace fulmar::vulkan {

class Instance {
 public:
  // Made at the first call and never destroyed: closing and opening drivers again costs time and is where
  // they crash. Null where there is no loader, driver or usable device; `why_none` then says which. Never
  // throws.
  static const Instance* open(std::string& why_none);
  // The same, but null only where there is no loader or driver.
  static const Instance* start(std::string& why_none);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  const InstanceFunctions& vk() const { return vk_; }
  // See arrange().
  const std::vector<PhysicalDevice>& devices() const { return devices_; }
  struct PassedOver {
    PhysicalDevice device;  // as far as it was described
    std::string lacks;
  };
  const std::vector<PassedOver>& passed_over() const { return passed_over_; }
  std::string passed_over_because() const;  // "NAME: WHAT IT LACKS; ..."

 private:
  Instance();  // throws
  void find_devices();

  Loader loader_;
  VkInstance handle_ = VK_NULL_HANDLE;
  InstanceFunctions vk_;
  std::vector<PhysicalDevice> devices_;
  std::vector<PassedOver> passed_over_;
};

// Whether a message of the validation layer is about this program: drivers and layers below it ask for functions of
// their own, and the layer counts that as the program's doing.
bool concerns_us(std::string_view message);

}  // namespace fulmar::vulkan
