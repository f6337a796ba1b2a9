// Comparisons that take no account of what they find, and allowances that come back with time.
#include "http/keys.h"

#include <algorithm>
#include <utility>

#include "http/auth.h"

namespace fulmar::http {
namespace {

constexpr double kMinute = 60;

bool is_as_it_was(const Key& a, const Key& b) {
  return a.name == b.name && a.digest == b.digest && a.models == b.models && a.manages == b.manages && a.requests == b.requests &&
         a.tokens == b.tokens;
}

}  // namespace

double Allowance::wait(Clock::time_point now) {
  if (most_ == 0) return 0;
  const double each = kMinute / most_;  // seconds
  left_ = std::min(most_, left_ + std::chrono::duration<double>(now - std::exchange(looked_, now)).count() / each);
  return left_ >= 1 ? 0 : (1 - left_) * each;
}

bool Holder::may_use(std::string_view model) const {
  const auto is_of = [&](const std::string& one) {
    // A tuned state's name stands behind its model's and a blank.
    return model == one || (model.starts_with(one) && model[one.size()] == ' ');
  };
  return key.models.empty() || std::any_of(key.models.begin(), key.models.end(), is_of);
}

double Holder::admit() {
  const std::lock_guard lock(mutex_);
  const auto now = Allowance::Clock::now();
  const double wait = std::max(requests_.wait(now), tokens_.wait(now));
  if (wait > 0) {
    refused.fetch_add(1, std::memory_order_relaxed);
    return wait;
  }
  requests_.take(1);
  admitted.fetch_add(1, std::memory_order_relaxed);
  return 0;
}

void Holder::charge(uint64_t tokens) {
  const std::lock_guard lock(mutex_);
  tokens_.take(static_cast<double>(tokens));
  charged.fetch_add(tokens, std::memory_order_relaxed);
}

Keys::Keys(std::string password) : password_(std::move(password)), everybody_(std::make_shared<Holder>(Key{{}, {}, {}, true, 0, 0})) {}

void Keys::set(const std::vector<Key>& keys) {
  const std::lock_guard lock(mutex_);
  std::vector<HolderPtr> fresh;
  for (const Key& key : keys) {
    const auto before = std::find_if(holders_.begin(), holders_.end(), [&](const HolderPtr& one) { return is_as_it_was(one->key, key); });
    fresh.push_back(before != holders_.end() ? *before : std::make_shared<Holder>(key));
  }
  holders_ = std::move(fresh);
  listed_ = true;
}

bool Keys::asks() const {
  const std::lock_guard lock(mutex_);
  return listed_ || !password_.empty();
}

HolderPtr Keys::find(std::string_view word) const {
  if (!asks()) return everybody_;
  const bool is_first = !password_.empty() && is_password(word, password_);
  const Sha256 digest = sha256(word);
  HolderPtr found = is_first ? everybody_ : nullptr;
  const std::lock_guard lock(mutex_);
  for (const HolderPtr& one : holders_)
    if (same_in_constant_time(one->key.digest, digest)) found = one;
  return found;
}

HolderPtr Keys::find(const Request& request) const {
  if (HolderPtr found = find(bearer_of(request.header("Authorization")))) return found;
  const std::string_view other = request.header("x-api-key");
  return other.empty() ? nullptr : find(other);
}

std::vector<HolderPtr> Keys::listed() const {
  const std::lock_guard lock(mutex_);
  return holders_;
}

}  // namespace fulmar::http
