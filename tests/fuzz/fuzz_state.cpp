// Fuzzes tuned states, in every order that they may be said to have.
#include "fuzz_model.h"
#include "rwkv/state.h"
#include "rwkv/state_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  if (size == 0) return 0;
  rwkv::Config config;
  config.L = 1;
  config.C = config.A = 8;
  config.H = 2;
  config.N = 4;
  const auto file = std::make_shared<const MappedFile>(std::as_bytes(std::span(data, size)));
  fuzz::refusing([&] {
    const SourcePtr state = blinkdl_names(open_container({"fuzz"}, file), {});
    using rwkv::StateOrder;
    for (const StateOrder order : {StateOrder::by_file, StateOrder::value_key, StateOrder::key_value})
      fuzz::refusing([&] {
        const SourcePtr tuned = rwkv::with_state(fuzz::small_model(), state, order, config);
        fuzz::load_all(*tuned);
        rwkv::initial_state(*tuned, config, {0, 1});
      });
  });
  return 0;
}
