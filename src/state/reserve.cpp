// Making the reserve's file and removing it; see reserve.h.
#include "state/reserve.h"

#include <filesystem>

#include "base/platform.h"

namespace fulmar {

namespace fs = std::filesystem;

Reserve::Reserve(const std::string& store, uint64_t bytes)
    : file_(store + "-reserve"), bytes_(store.empty() ? 0 : bytes) {
  if (store.empty()) return;
  std::error_code error;
  const uint64_t found = fs::file_size(file_, error);
  held_ = !error && bytes_ > 0 && found == bytes_;
  if (!error && !held_) fs::remove(file_, error);  // of another limit
}

bool Reserve::make(bool now) {
  if (held_ || bytes_ == 0) return true;
  const auto time = std::chrono::steady_clock::now();
  if (!now && time < next_) return false;
  next_ = time + std::chrono::seconds(10);
  held_ = make_private_file(file_, bytes_);
  std::error_code ignored;
  if (!held_) fs::remove(file_, ignored);
  return held_;
}

bool Reserve::room() {
  constexpr uint64_t more = 1 << 20;
  if (bytes_ == 0 || !make(true)) return false;
  const bool found = make_private_file(file_, bytes_ + more);
  std::error_code error;
  fs::resize_file(file_, bytes_, error);
  return found;
}

bool Reserve::give_up() {
  if (!held_) return false;
  held_ = false;
  next_ = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  std::error_code error;
  return fs::remove(file_, error);
}

}  // namespace fulmar
