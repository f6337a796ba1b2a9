// Fuzzes states as they are imported and as the store reads them: what is accepted is written and read again.
#include "base/fail.h"
#include "fuzz.h"
#include "state/state_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  fuzz::refusing([&] {
    const ReadState read = read_state(std::as_bytes(std::span(data, size)), "fuzz");
    const std::vector<std::byte> bytes = write_state(*read.state, StatePrecision::f32, read.session);
    const ReadState again = read_state(bytes, "again");
    require(again.state->floats == read.state->floats && again.state->unfed == read.state->unfed &&
                again.state->hash == read.state->hash && again.session == read.session,
            "a state changed on its way");
  });
  return 0;
}
