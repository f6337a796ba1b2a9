// Comparison in constant time.
#include "http/auth.h"

#include <cstddef>

#include "http/syntax.h"

namespace fulmar::http {

std::string_view bearer_of(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (!same_word(authorization.substr(0, scheme.size()), scheme)) return {};
  std::string_view given = authorization.substr(scheme.size());
  while (given.starts_with(' ')) given.remove_prefix(1);
  return given;
}

bool is_password(std::string_view given, std::string_view password) {
  if (password.empty()) return true;
  // Every byte that was sent is compared, whatever came before: the time tells only its length.
  unsigned difference = given.size() != password.size();
  for (size_t i = 0; i < given.size(); ++i)
    difference |=
        static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(password[i % password.size()]);
  return difference == 0;
}

}  // namespace fulmar::http
