// What waits for what and what one launch computes, over tapes that tempt a backend to be too eager.
#include "ops/groups.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "rwkv/forward.h"

namespace fulmar::ops {
namespace {

constexpr uint32_t C = 64;
constexpr BatchShape shape{5, 2, 3};
constexpr Fusions everything{.norm_shift = true, .linears = 8};

// A tape written op by op, whose values have bytes of their own unless a test lays them elsewhere.
struct Script {
  Tape tape;
  ArenaPlan arena;

  Script() { tape.state_floats = 100 * C; }
  ValueId value(bool picked = false) {
    arena.offsets.push_back(arena.bytes);
    arena.bytes += 1 << 20;
    return tape.value("value", C, picked);
  }
  void share(ValueId id, ValueId with, uint64_t bytes_further = 0) {
    arena.offsets[id] = arena.offsets[with] + bytes_further;
  }
  void linear(ValueId x, ValueId y, Format format = Format::f16) {
    tape.ops.push_back(Linear{x, y, tape.weight("matrix", C, C, format)});
  }
  void add_to(ValueId x, ValueId y) {
    linear(x, y);
    std::get<Linear>(tape.ops.back()).accumulate = true;
  }
  void norm(ValueId x, ValueId y) {
    tape.ops.push_back(Norm{x, y, tape.vector("weight", C), tape.vector("bias", C), 1e-5f});
  }
  void shift(ValueId x, ValueId y, uint32_t carry, bool peek = false, ValueId delta = none) {
    Shift op{x, carry, 1, {}, peek};
    op.outputs[0] = {y, tape.vector("mix", C), delta};
    tape.ops.push_back(op);
  }
  void mix4(ValueId x, ValueId y, uint32_t state) {
    tape.ops.push_back(Mix4{x, x, x, y, tape.vector("decay", C), tape.vector("first", C), state});
  }

  std::vector<Group> groups(const Fusions& fusions = {}, const BatchShape& of = shape) const {
    return make_groups(tape, arena, of, fusions);
  }
  std::vector<uint32_t> afters() const {
    std::vector<uint32_t> list;
    for (const Group& group : groups()) list.push_back(group.after);
    return list;
  }
  std::vector<uint32_t> sizes(const Fusions& fusions = everything) const {
    std::vector<uint32_t> list;
    for (const Group& group : groups(fusions)) list.push_back(group.ops);
    return list;
  }
};

using List = std::vector<uint32_t>;

TEST(Waits, AChainIsDoneOneByOne) {
  Script s;
  const ValueId a = s.value(), b = s.value(), c = s.value(), d = s.value();
  s.linear(a, b), s.linear(b, c), s.linear(c, d);
  EXPECT_EQ(s.afters(), (List{0, 1, 2}));
}

TEST(Waits, BranchesRunAtOnceAndWhereTheyMeetTheLaterOneCounts) {
  Script s;
  const ValueId x = s.value(), a = s.value(), b = s.value(), c = s.value();
  s.norm(x, a), s.norm(x, b), s.mix4(a, c, 0);
  EXPECT_EQ(s.afters(), (List{0, 0, 1})) << "the second norm may go on beside the mix";
  s.add_to(b, c);
  EXPECT_EQ(s.afters().back(), 3u) << "the mix, behind the norm that it reads as well";
}

TEST(Waits, BytesThatAreWrittenAnewMustNoLongerBeRead) {
  Script s;
  const ValueId x = s.value(), a = s.value(), other = s.value(), b = s.value();
  s.norm(x, a), s.norm(other, b);
  EXPECT_EQ(s.afters(), (List{0, 0}));
  s.share(b, x);
  EXPECT_EQ(s.afters(), (List{0, 1}));
}

TEST(Waits, BytesAreNotWrittenTwiceAtOnce) {
  Script s;
  const ValueId x = s.value(), a = s.value(), other = s.value(), b = s.value();
  s.norm(x, a), s.norm(other, b);
  s.share(b, a);
  EXPECT_EQ(s.afters(), (List{0, 1}));
}

TEST(Waits, WhatCountsIsBytesAndNotWhereAValueBegins) {
  Script s;
  const ValueId x = s.value(), a = s.value(), other = s.value(), b = s.value();
  s.norm(x, a), s.norm(other, b);
  const uint64_t bytes = uint64_t{shape.rows} * C * 4;
  s.share(b, a, bytes - 4);
  EXPECT_EQ(s.afters(), (List{0, 1})) << "the last float";
  s.share(b, a, bytes);
  EXPECT_EQ(s.afters(), (List{0, 0})) << "neighbours";
  s.share(b, x, bytes - 4);
  EXPECT_EQ(s.afters(), (List{0, 1}));
}

TEST(Waits, PickedValuesHaveTheBytesOfThePicks) {
  Script s;
  const ValueId x = s.value(true), a = s.value(true), other = s.value(true), b = s.value(true);
  s.norm(x, a), s.norm(other, b);
  s.share(b, a, uint64_t{shape.picks} * C * 4);
  EXPECT_EQ(s.afters(), (List{0, 0}));
  s.share(b, a, uint64_t{shape.picks} * C * 4 - 4);
  EXPECT_EQ(s.afters(), (List{0, 1}));
}

TEST(Waits, WhatIsAddedToInPlaceIsReadAndWritten) {
  Script s;
  const ValueId x = s.value(), a = s.value(), b = s.value(), seen = s.value();
  s.add_to(a, x), s.add_to(b, x), s.norm(x, seen), s.add_to(a, x);
  EXPECT_EQ(s.afters(), (List{0, 1, 2, 3}));
}

TEST(Waits, ExpertsChangeTheirRowsInPlace) {
  Script s;
  Experts experts{};
  experts.count = 2, experts.active = 1;
  for (ValueId* operand : {&experts.scores, &experts.k, &experts.h[0], &experts.h[1]}) *operand = s.value();
  const ValueId a = s.value(), b = s.value();
  s.norm(experts.h[1], a);
  s.tape.ops.push_back(experts);
  s.norm(experts.k, b);
  EXPECT_EQ(s.afters(), (List{0, 1, 2}));
}

TEST(Waits, AStateIsReadBeforeItIsWrittenAnew) {
  Script s;
  const ValueId x = s.value(), a = s.value(), b = s.value(), c = s.value();
  s.shift(x, a, 0, true), s.shift(x, b, 0, true), s.shift(x, c, 0);
  EXPECT_EQ(s.afters(), (List{0, 0, 2})) << "two look at the carry, the third moves it on";
}

TEST(Waits, AStateIsReadAfterItWasWritten) {
  Script s;
  const ValueId x = s.value(), a = s.value(), b = s.value(), c = s.value();
  s.shift(x, a, 0), s.shift(x, b, 0, true), s.shift(x, c, 0);
  EXPECT_EQ(s.afters(), (List{0, 1, 2}));
}

TEST(Waits, StatesSideBySideDoNotMeet) {
  Script s;
  const ValueId x = s.value(), a = s.value(), b = s.value(), c = s.value();
  s.mix4(x, a, 10), s.shift(x, b, 10 + 3 * C);
  EXPECT_EQ(s.afters(), (List{0, 0}));
  s.mix4(x, c, 10 + 3 * C - 1);
  EXPECT_EQ(s.afters().back(), 2u);
}

TEST(Waits, StatesAndActivationsAreDifferentMemory) {
  Script s;
  const ValueId low = s.value(), x = s.value();
  s.shift(x, s.value(), 0), s.norm(x, low);
  EXPECT_EQ(s.afters(), (List{0, 0})) << "floats 0 to 63 of a state, bytes 0 to 1279 of the arena";
}

TEST(Waits, OnlyTheLastThatMustBeDoneIsNamed) {
  Script s;
  const ValueId x = s.value(), a = s.value(), b = s.value(), c = s.value(), d = s.value();
  s.norm(x, a), s.norm(x, b), s.norm(x, c), s.linear(b, d);
  EXPECT_EQ(s.afters().back(), 2u) << "the third may still be under way";
}

TEST(Waits, RowsKeepTheirOrderWhereTheyChangeAState) {
  Script s;
  const ValueId x = s.value(), a = s.value(), b = s.value(), c = s.value();
  s.norm(x, a), s.shift(x, b, 0), s.shift(x, c, 0, true), s.mix4(x, s.value(), C), s.linear(x, s.value());
  s.tape.ops.push_back(Pick{x, s.value(true)});
  std::vector<bool> in_order;
  for (const Group& group : s.groups()) in_order.push_back(group.in_order);
  EXPECT_EQ(in_order, (std::vector<bool>{false, true, false, true, false, false}));
}

TEST(Waits, ProgressWaitsOnceForAllThatWasStarted) {
  Script s;
  const ValueId x = s.value(), a = s.value(), b = s.value(), c = s.value(), d = s.value();
  s.norm(x, a), s.norm(x, b), s.mix4(a, c, 0), s.linear(b, d), s.linear(d, s.value());
  std::string waits;
  Progress progress;
  for (const Group& group : s.groups())
    for (int piece = 0; piece < 3; ++piece) {  // some rows each
      const bool wait = progress.must_wait(group);
      if (wait) progress.wait_before(group);
      progress.start(group);
      waits += wait ? '|' : '.';
    }
  // Before the mix and between its pieces; the first Linear reads what was done before the mix.
  EXPECT_EQ(waits, "......|||...|..");
}

TEST(Waits, WhoWaitsForOtherReasonsWaitsForAll) {
  Script s;
  const ValueId x = s.value(), a = s.value(), b = s.value();
  s.norm(x, a), s.linear(a, b);
  const std::vector<Group> groups = s.groups();
  Progress progress;
  progress.start(groups[0]);
  EXPECT_TRUE(progress.must_wait(groups[1]));
  progress.wait_before(groups[1]);
  EXPECT_FALSE(progress.must_wait(groups[1]));
}

// Norm and Shift, the shift's results in the script's value y.
struct NormShift : Script {
  ValueId x = value(), normed = value(), y = value();
  NormShift() { norm(x, normed), shift(normed, y, 0); }
};

TEST(NormShiftFusion, TakesANormThatOnlyTheShiftReads) {
  NormShift s;
  EXPECT_EQ(s.sizes(), (List{2}));
  EXPECT_EQ(s.sizes({.norm_shift = false, .linears = 8}), (List{1, 1}));
  s.norm(s.y, s.normed), s.linear(s.normed, s.value());
  EXPECT_EQ(s.sizes(), (List{2, 1, 1})) << "what is read later is another norm's";
}

TEST(NormShiftFusion, LeavesNormedRowsThatOthersWant) {
  NormShift read_later;
  read_later.linear(read_later.normed, read_later.value());
  EXPECT_EQ(read_later.sizes(), (List{1, 1, 1}));
  NormShift put_out;
  put_out.tape.outputs = {put_out.normed};
  EXPECT_EQ(put_out.sizes(), (List{1, 1}));
  NormShift rewritten = put_out;
  rewritten.norm(rewritten.y, rewritten.normed);
  EXPECT_EQ(rewritten.sizes(), (List{2, 1}));
  NormShift as_delta;
  std::get<Shift>(as_delta.tape.ops[1]).outputs[0].delta = as_delta.normed;
  EXPECT_EQ(as_delta.sizes(), (List{1, 1}));
  NormShift peeked_at;
  std::get<Shift>(peeked_at.tape.ops[1]).peek = true;
  peeked_at.shift(peeked_at.normed, peeked_at.value(), 0);
  EXPECT_EQ(peeked_at.sizes(), (List{1, 1, 1})) << "v6's two shifts of one norm";
}

TEST(NormShiftFusion, LeavesAShiftOfSomethingElse) {
  NormShift s;
  std::get<Shift>(s.tape.ops[1]).x = s.x;
  EXPECT_EQ(s.sizes(), (List{1, 1}));
}

TEST(NormShiftFusion, LeavesRowsThatTheShiftWritesOver) {
  NormShift s;
  s.share(s.y, s.x, 4 * C);
  EXPECT_EQ(s.sizes(), (List{1, 1}));
  NormShift in_place;
  std::get<Norm>(in_place.tape.ops[0]).y = in_place.x;
  std::get<Shift>(in_place.tape.ops[1]).x = in_place.x;
  EXPECT_EQ(in_place.sizes(), (List{1, 1}));
  NormShift back;
  std::get<Shift>(back.tape.ops[1]).outputs[0].y = back.normed;
  EXPECT_EQ(back.sizes(), (List{1, 1}));
}

TEST(NormShiftFusion, NeitherWaitsForTheNormedRowsNorMakesOthersWait) {
  Script s;
  const ValueId before = s.value(), made = s.value(), x = s.value(), normed = s.value(), y = s.value();
  const ValueId b = s.value();
  s.norm(before, made), s.norm(x, normed), s.shift(normed, y, 0), s.linear(b, s.value());
  s.share(b, normed);
  for (const ValueId of_the_first : {before, made}) {
    s.share(normed, of_the_first);
    const std::vector<Group> groups = s.groups(everything);
    ASSERT_EQ(groups.size(), 3u);
    EXPECT_EQ(groups[1].after, 0u);
    EXPECT_EQ(groups[2].after, 0u);
  }
  s.share(b, y);
  EXPECT_EQ(s.groups(everything)[2].after, 2u);
}

TEST(LinearFusion, TakesLinearsThatNeedNothingOfEachOther) {
  Script s;
  const ValueId x = s.value(), a = s.value();
  s.linear(x, s.value()), s.linear(x, a), s.linear(s.value(), s.value());
  s.linear(a, s.value());
  EXPECT_EQ(s.sizes(), (List{3, 1}));
  EXPECT_EQ(s.sizes({.norm_shift = true, .linears = 2}), (List{2, 2}));
  EXPECT_EQ(s.sizes({}), (List{1, 1, 1, 1}));
  EXPECT_EQ(s.groups(everything)[1].after, 1u);
}

TEST(LinearFusion, NeitherWritesWhatAnotherReadsNorWhatItWrites) {
  // The second and the fourth of four are at odds.
  struct Four : Script {
    ValueId x = value(), y = value();
    Four(const ValueId Four::*from, const ValueId Four::*to) {
      linear(value(), value()), linear(x, y), linear(value(), value());
      linear(from ? this->*from : value(), to ? this->*to : value());
    }
  };
  const auto expect_apart = [](const char* what, const Script& s) {
    EXPECT_EQ(s.sizes(), (List{3, 1})) << what;
    EXPECT_EQ(independent_linears(s.tape, 0), 3u) << what << ": they may get the same bytes";
  };
  expect_apart("read after write", Four(&Four::y, nullptr));
  expect_apart("write after read", Four(nullptr, &Four::x));
  expect_apart("write after write", Four(nullptr, &Four::y));
  Four gated(nullptr, nullptr);
  EXPECT_EQ(gated.sizes(), (List{4}));
  std::get<Linear>(gated.tape.ops[3]).gate = gated.y;
  expect_apart("a gate", gated);
}

TEST(LinearFusion, KeepsToOneFormatAndOneKindOfRows) {
  Script s;
  const ValueId x = s.value(), p = s.value(true);
  s.linear(x, s.value()), s.linear(x, s.value(), Format::i8), s.linear(x, s.value(), Format::i8);
  s.linear(p, s.value(true), Format::i8);
  EXPECT_EQ(s.sizes(), (List{1, 2, 1}));
  EXPECT_EQ(independent_linears(s.tape, 0), 4u) << "they may still run at the same time";
  EXPECT_EQ(s.afters(), (List{0, 0, 0, 0}));
}

TEST(LinearFusion, IsCutWhereTheArenaSharesBytesAndStaysOneRun) {
  Script s;
  const ValueId x = s.value(), y = s.value(), a = s.value(), b = s.value(), c = s.value();
  s.norm(y, x), s.linear(x, a), s.linear(y, b), s.linear(y, c);
  s.share(b, x);
  const std::vector<Group> groups = s.groups(everything);
  ASSERT_EQ(s.sizes(), (List{1, 1, 2}));
  EXPECT_EQ(groups[2].after, 2u);
  for (const Group& group : {groups[1], groups[2]}) {
    EXPECT_EQ(group.run_first, 1u);
    EXPECT_EQ(group.run_ops, 3u);
  }
}

TEST(Groups, LeaveOutOpsWithoutRows) {
  Script s;
  const ValueId x = s.value(), normed = s.value(), p = s.value(true), y = s.value();
  s.norm(x, normed);
  s.tape.ops.push_back(Pick{normed, p});
  s.linear(p, s.value(true)), s.linear(normed, y);
  ASSERT_EQ(s.groups().size(), 4u);
  const std::vector<Group> groups = s.groups({}, {5, 2, 0});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[1].first_op, 3u);
  EXPECT_EQ(groups[1].number, 1u);
  EXPECT_EQ(groups[1].after, 1u);
}

// Bytes marked one by one with who touched them last, as memory would see it.
class Marks {
 public:
  uint32_t wait(const std::vector<std::pair<uint64_t, uint64_t>>& reads,
                const std::vector<std::pair<uint64_t, uint64_t>>& writes, uint32_t group) {
    uint32_t after = 0;
    const auto each = [](const auto& ranges, const auto& act) {
      for (const auto& [begin, end] : ranges)
        for (uint64_t at = begin; at < end; ++at) act(at);
    };
    each(reads, [&](uint64_t at) { after = std::max(after, written_[at]); });
    each(writes, [&](uint64_t at) { after = std::max({after, written_[at], read_[at]}); });
    each(reads, [&](uint64_t at) { read_[at] = group + 1; });
    each(writes, [&](uint64_t at) { written_[at] = group + 1; });
    return after;
  }

 private:
  std::map<uint64_t, uint32_t> read_, written_;
};

TEST(Groups, OfRandomTapesWaitAsTheMarksOfEachByteSay) {
  std::mt19937 random(1);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  uint32_t waits = 0, free = 0;
  for (int tapes = 0; tapes < 100; ++tapes) {
    Script s;
    std::vector<ValueId> ids;
    for (int i = 0; i < 8; ++i) ids.push_back(s.value());
    for (const ValueId id : ids) s.arena.offsets[id] = 128 * below(60);
    for (int i = 0; i < 20; ++i) {
      const ValueId x = ids[below(8)], y = ids[below(8)];
      switch (below(4)) {
        case 0: s.norm(x, y); break;
        case 1: s.shift(x, y, C * below(5), below(2) == 0); break;
        case 2: s.add_to(x, y); break;
        default: s.mix4(x, y, C * below(5)); break;
      }
    }
    Marks marks;
    const auto arena = [&](const std::vector<ValueId>& list) {
      std::vector<std::pair<uint64_t, uint64_t>> ranges;
      for (const ValueId id : list)
        ranges.emplace_back(s.arena.offsets[id] / 4, s.arena.offsets[id] / 4 + uint64_t{shape.rows} * C);
      return ranges;
    };
    for (const Group& group : s.groups()) {
      const Op& op = s.tape.ops[group.first_op];
      const Uses u = uses(s.tape, op);
      auto reads = arena(u.reads), writes = arena(u.writes);
      const auto* shift = std::get_if<Shift>(&op);
      const uint64_t state = (1 << 20) + u.state;
      if (u.state_floats) (shift && shift->peek ? reads : writes).emplace_back(state, state + u.state_floats);
      EXPECT_EQ(group.after, marks.wait(reads, writes, group.number)) << dump(s.tape) << group.number;
      ++(group.after == group.number ? waits : free);
    }
  }
  EXPECT_GT(std::min(waits, free), 300u) << "tapes of both kinds of groups";
}

// Launches and waits that a layer costs, each a few microseconds on a GPU, or threads to be woken on the CPU.
TEST(Groups, ALayerCostsAsFewLaunchesAndWaitsAsItsVersionNeeds) {
  using rwkv::Version;
  struct Row {
    Version version;
    bool experts;
    size_t launches, waits, tasks;  // tasks: where every Linear is its own
  };
  for (const Row& row : {Row{Version::v4, false, 7, 7, 10}, Row{Version::v5_2, false, 7, 7, 11},
                         Row{Version::v6, false, 12, 12, 25}, Row{Version::v7, false, 8, 8, 17},
                         Row{Version::v7, true, 14, 14, 35}, Row{Version::v7a, false, 13, 12, 23}})
    for (const uint32_t rows : {1u, 40u}) {
      SCOPED_TRACE(fmt::format("{}, experts {}, {} rows", rwkv::name(row.version), row.experts, rows));
      const auto count = [&](uint32_t layers, const Fusions& fusions) {
        rwkv::Config c;
        c.version = row.version;
        c.L = layers, c.C = c.A = 64, c.V = 256, c.F = 128;
        if (row.version != Version::v4) c.H = 4, c.N = 16;
        c.Dw = c.Da = c.Dv = c.Dg = c.Dx = 32, c.De = 8;
        if (row.experts) c.E = 4, c.active = 2, c.Er = 8, c.Dm = 32;
        const Tape tape = rwkv::build(c, {0, layers}, [](const std::string&, uint32_t, uint32_t) {
          return Format::f16;
        });
        const BatchShape of{rows, 1, 1};
        size_t launches = 0, waits = 0;
        Progress progress;
        for (const Group& group : make_groups(tape, plan_arena(tape, of), of, fusions)) {
          ++launches;
          if (progress.must_wait(group)) progress.wait_before(group), ++waits;
          progress.start(group);
        }
        return std::pair(launches, waits);
      };
      const auto cost_of = [&](const Fusions& fusions) {
        const auto two = count(2, fusions), three = count(3, fusions);
        return std::pair(three.first - two.first, three.second - two.second);
      };
      EXPECT_EQ(cost_of(everything), std::pair(row.launches, row.waits));
      EXPECT_EQ(cost_of({.norm_shift = true}), std::pair(row.tasks, row.waits));
    }
}

}  // namespace
}  // namespace fulmar::ops
