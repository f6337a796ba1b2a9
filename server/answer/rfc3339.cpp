// The calendar; see rfc3339.h.
#include "answer/rfc3339.h"

#include <fmt/format.h>

namespace fulmar::api {

std::string rfc3339(std::chrono::system_clock::time_point when) {
  using namespace std::chrono;
  const auto day = floor<days>(when);
  const year_month_day date(day);
  const hh_mm_ss<nanoseconds> time(duration_cast<nanoseconds>(when - day));
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                 static_cast<unsigned>(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count());
  if (time.subseconds().count() > 0) text += fmt::format(".{:09}", time.subseconds().count());
  return text += 'Z';
}

}  // namespace fulmar::api
