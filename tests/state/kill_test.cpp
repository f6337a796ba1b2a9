// A server that is killed loses no turn that it said was kept, and keeps none by halves.
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/child_process.h"
#include "state/sessions.h"
#include "state/writer/texts.h"

namespace fulmar {
namespace {

using namespace test;

struct Told {
  uint64_t kept = 0, begun = 0;  // tokens of the session's text
};

std::map<std::string, Told> told_by(const std::string& file) {
  std::map<std::string, Told> told;
  std::ifstream lines(file);
  std::string what, id;
  uint64_t tokens = 0;
  while (lines >> what >> id >> tokens) (what == "=" ? told[id].kept : told[id].begun) = tokens;
  return told;
}

std::vector<Token> text_of(const std::string& id, uint64_t tokens) {
  std::vector<Token> text;
  for (uint64_t i = 0; i < tokens; ++i) text.push_back(writer_token(id, i));
  return text;
}

TEST(Kill, NoTurnThatWasKeptIsLostInAHundredKills) {
  const Folder folder;
  const std::string log = folder.file("log");
  std::mt19937 random(11);
  uint64_t turns = 0, in_flight = 0, from_checkpoint = 0;
  for (int round = 0; round < 100; ++round) {
    const double seconds = 0.03 + 0.2 * (random() % 1000) / 1000.0;
    const ChildEnd end = run_child(FULMAR_STATE_WRITER, {folder.file(), log, std::to_string(round)}, seconds);
    ASSERT_EQ(end.how, ChildEnd::How::timed_out) << end.code << end.why;
    const auto store = StateStore::open(in(folder));
    for (const auto& [id, told] : told_by(log)) {
      const FoundSession found = get(*store, id);
      if (!found.known) {
        ASSERT_EQ(told.kept, 0u) << id;
        continue;
      }
      ASSERT_FALSE(found.error) << found.error->what();
      const uint64_t tokens = found.state->tokens();
      ASSERT_TRUE(tokens == told.kept || tokens == told.begun) << id << ": " << tokens << ", kept " << told.kept
                                                               << ", begun " << told.begun << ", round " << round;
      ASSERT_EQ(found.note, std::to_string(tokens));
      ASSERT_TRUE(holds(*store, id, text_of(id, tokens))) << id;
      ++turns;
      in_flight += tokens != told.kept ? 1 : 0;
      from_checkpoint += found.state->fed > 0 ? 1 : 0;
    }
    // What was in flight is decided by now.
    std::ofstream settled(log, std::ios::app);
    for (const SessionEntry& entry : store->list("", 100))
      settled << "= " << entry.id << ' ' << entry.tokens << "\n+ " << entry.id << ' ' << entry.tokens << '\n';
  }
  std::printf("%llu sessions seen after kills, %llu of them with a turn that was in flight and kept, %llu with a state\n",
              static_cast<unsigned long long>(turns), static_cast<unsigned long long>(in_flight),
              static_cast<unsigned long long>(from_checkpoint));
  EXPECT_GT(from_checkpoint, 0u);
}

}  // namespace
}  // namespace fulmar
