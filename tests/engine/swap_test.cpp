// Swapping adapters while requests run: nobody's text mixes two sets of weights, nobody is lost, and what
// cannot be done says so and changes nothing.
#include <gtest/gtest.h>

#include <thread>

#include "engine/fake_model.h"

namespace fulmar {
namespace {

std::string text_of(Engine& engine) {
  const auto listener = listen_to(engine, ask("once upon", 12));
  EXPECT_EQ(listener->wait(), Finish::length);
  return listener->text();
}

TEST(Swap, TextsChangeWithTheAdapterAndComeBackWithoutIt) {
  const auto engine = make_fake_engine({});
  const std::string before = text_of(*engine);
  engine->set_adapters({{"poet", "", 1}}, 10);
  const std::string poet = text_of(*engine);
  EXPECT_NE(poet, before);
  engine->set_adapters({{"clerk", "", 1}}, 10);
  EXPECT_NE(text_of(*engine), poet);
  engine->set_adapters({}, 10);
  EXPECT_EQ(text_of(*engine), before);
}

TEST(Swap, ARequestUnderWayEndsWithItsWeightsAndTheNextBeginsWithTheNewOnes) {
  const auto plain = make_fake_engine({}), swapped = make_fake_engine({});
  swapped->set_adapters({{"poet", "", 1}}, 10);
  Gate gate;
  const auto engine = make_fake_engine({.before_step = [&](uint64_t step) {
    if (step == 3) gate.wait();
  }});
  const auto first = listen_to(*engine, ask("once upon", 12));
  gate.wait_for_visitor();
  std::thread swap([&] { engine->set_adapters({{"poet", "", 1}}, 60); });
  // The second request may come before the swap is asked for: then it is under way, too. Whichever it is, its
  // text is whole.
  const auto second = listen_to(*engine, ask("once upon", 12));
  gate.open();
  EXPECT_EQ(first->wait(), Finish::length);
  EXPECT_EQ(second->wait(), Finish::length);
  swap.join();
  EXPECT_EQ(first->text(), text_of(*plain));
  EXPECT_TRUE(second->text() == text_of(*plain) || second->text() == text_of(*swapped)) << second->text();
  EXPECT_EQ(text_of(*engine), text_of(*swapped));
}

TEST(Swap, RequestsThatTakeTooLongKeepTheModelAsItIs) {
  const auto plain = make_fake_engine({});
  Gate gate;
  const auto engine = make_fake_engine({.before_step = [&](uint64_t) { gate.wait(); }});
  const auto listener = listen_to(*engine, ask("once upon", 12));
  gate.wait_for_visitor();
  try {
    engine->set_adapters({{"poet", "", 1}}, 0.01);
    ADD_FAILURE() << "swapped beneath a request";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::busy) << error.what();
  }
  gate.open();
  EXPECT_EQ(listener->wait(), Finish::length);
  EXPECT_EQ(listener->text(), text_of(*plain));
  EXPECT_EQ(text_of(*engine), text_of(*plain)) << "the swap that was given up came all the same";
}

TEST(Swap, AnAdapterThatDoesNotFitIsTheCallersErrorAndTheEngineGoesOn) {
  const auto engine = make_fake_engine({});
  const std::string before = text_of(*engine);
  try {
    engine->set_adapters({{"bad", "", 1}}, 10);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_file) << error.what();
  }
  EXPECT_EQ(text_of(*engine), before);
}

TEST(Swap, ADrainingEngineRefuses) {
  const auto engine = make_fake_engine({});
  engine->drain(1);
  try {
    engine->set_adapters({{"poet", "", 1}}, 10);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable) << error.what();
  }
}

}  // namespace
}  // namespace fulmar
