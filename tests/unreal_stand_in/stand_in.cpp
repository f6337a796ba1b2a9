// What of the stand-in is no template: UTF-16, the objects and the ticker.
#include <algorithm>

#include "Containers/Ticker.h"
#include "UObject/Object.h"

namespace {

// One code point of well-formed UTF-8; moves `at` behind it.
char32_t take(const char* bytes, int32 size, int32& at) {
  const auto lead = static_cast<unsigned char>(bytes[at++]);
  const int more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  char32_t point = more == 0 ? lead : lead & (0x3fu >> more);
  for (int i = 0; i < more && at < size; ++i) point = point << 6 | (static_cast<unsigned char>(bytes[at++]) & 0x3fu);
  return point;
}

void put(std::string& out, char32_t point) {
  const int more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr unsigned leads[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(leads[more] | point >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3f));
}

}  // namespace

FTCHARToUTF8::FTCHARToUTF8(const TCHAR* text) {
  for (; *text != 0; ++text) {
    char32_t point = *text;
    if (point >= 0xd800 && point < 0xdc00 && text[1] != 0) point = 0x10000 + ((point - 0xd800) << 10) + (*++text - 0xdc00u);
    put(bytes_, point);
  }
}

FUTF8ToTCHAR::FUTF8ToTCHAR(const char* text, int32 bytes) {
  for (int32 at = 0; at < bytes;) {
    const char32_t point = take(text, bytes, at);
    if (point < 0x10000) {
      text_ += static_cast<char16_t>(point);
    } else {
      text_ += static_cast<char16_t>(0xd800 + ((point - 0x10000) >> 10));
      text_ += static_cast<char16_t>(0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
}

std::vector<std::shared_ptr<UObject>>& stand_in_objects() {
  static std::vector<std::shared_ptr<UObject>> objects;
  return objects;
}

void stand_in_collect(UObject* object) {
  object->BeginDestroy();
  std::erase_if(stand_in_objects(), [&](const auto& one) { return one.get() == object; });
}

FTSTicker& FTSTicker::GetCoreTicker() {
  static FTSTicker ticker;
  return ticker;
}

FTSTicker::FDelegateHandle FTSTicker::AddTicker(FTickerDelegate delegate) {
  delegates_[++last_] = std::move(delegate);
  return last_;
}

void FTSTicker::RemoveTicker(FDelegateHandle handle) {
  delegates_.erase(handle);
}

void FTSTicker::frame() {
  const auto now = delegates_;
  for (const auto& [handle, delegate] : now)
    if (delegates_.count(handle) != 0 && !delegate.tick(1.0f / 60)) delegates_.erase(handle);
}
