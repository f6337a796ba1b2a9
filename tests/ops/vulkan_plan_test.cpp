// What launches promise every device: whole subgroups, and kernels that keep what is no number.
#include <gtest/gtest.h>

#if FULMAR_HAS_VULKAN
#include <fmt/format.h>

#include <cstring>
#include <map>
#include <set>

#include "fulmar_shaders.h"
#include "rwkv/forward.h"
#include "shared/push.h"
#include "vulkan/plan.h"

namespace fulmar::vulkan {
namespace {

// Every op there is, the recurrences with heads of N.
ops::Tape tape_of_all(uint32_t C, uint32_t N) {
  using namespace ops;
  Tape tape;
  const auto value = [&](bool picked = false) { return tape.value("value", C, picked); };
  const auto vector = [&] { return tape.vector("vector", C); };
  const ValueId x = value(), normed = value();
  tape.inputs = {x};
  tape.ops.push_back(Norm{x, normed, vector(), vector(), 1e-5f});
  Shift shift{normed, 0, 1, {}};
  shift.outputs[0] = {value(), vector(), none};
  tape.ops.push_back(shift);
  tape.ops.push_back(Linear{x, value(), tape.weight("matrix", C, C, Format::f16)});
  tape.ops.push_back(Mix4{x, x, x, value(), vector(), vector(), 0});
  Mix6 mix6{};
  mix6.r = mix6.k = mix6.v = x;
  mix6.y = value();
  mix6.decay = mix6.first = mix6.norm_weight = mix6.norm_bias = vector();
  mix6.heads = C / N;
  mix6.head_size = N;
  tape.ops.push_back(mix6);
  Mix7 mix7{};
  mix7.r = mix7.w = mix7.k = mix7.v = mix7.a = mix7.g = x;
  mix7.y = value();
  mix7.k_k = mix7.k_a = mix7.r_k = mix7.norm_weight = mix7.norm_bias = vector();
  mix7.heads = C / N;
  mix7.head_size = N;
  tape.ops.push_back(mix7);
  Experts experts{};
  experts.count = 2;
  experts.active = 1;
  for (ValueId* operand : {&experts.scores, &experts.k, &experts.h[0], &experts.h[1]})
    tape.inputs.push_back(*operand = value());
  tape.ops.push_back(experts);
  tape.ops.push_back(Pick{x, value(true)});
  tape.state_floats = 2 * C * N + 3 * C;
  return tape;
}

uint32_t threads(const Kernel& kernel) {
  return kernel.name.starts_with("linear_mat_") ? 128 : kernel.constants.at(0);
}

TEST(VulkanPlan, EveryWorkgroupIsWholeSubgroupsOf4To128) {
  const ops::Tape tape = tape_of_all(64, 16);
  for (uint32_t subgroup = 4; subgroup <= 128; subgroup *= 2)
    for (const uint32_t max_workgroup : {256u, 1024u})
      for (const uint32_t rows : {1u, 40u}) {
        PhysicalDevice device;
        device.subgroup_size = subgroup;
        device.max_workgroup = max_workgroup;
        device.max_groups = 65535;
        const ops::BatchShape shape{rows, 1, 1};
        const Addresses nowhere{0, 0, 0, [](ops::WeightId) { return uint64_t{0}; }};
        std::set<std::string> seen;
        for (const Launch& launch :
             make_plan(tape, ops::plan_arena(tape, shape), shape, nowhere, device).launches) {
          SCOPED_TRACE(fmt::format("{}, subgroups of {}", launch.kernel.name, subgroup));
          EXPECT_EQ(threads(launch.kernel) % subgroup, 0u);
          EXPECT_LE(threads(launch.kernel), max_workgroup);
          EXPECT_GE(launch.groups_x, 1u);
          seen.insert(launch.kernel.name);
        }
        EXPECT_EQ(seen.size(), 7u) << "norm_shift, linear, mix4, mix6, mix7, experts, pick";
      }
}

// Two matrices of one input and one of their results: the first two share a launch where the arena allows it.
ops::Tape tape_of_linears(bool half_inputs) {
  ops::Tape tape;
  tape.half_inputs = half_inputs;
  tape.reproducible = true;
  const ops::ValueId x = tape.value("x", 1024), y = tape.value("y", 8192), z = tape.value("z", 64);
  tape.inputs = {x};
  tape.outputs = {tape.value("last", 1024)};
  tape.ops = {ops::Linear{x, y, tape.weight("wide", 8192, 1024, Format::f16)},
              ops::Linear{x, z, tape.weight("low", 64, 1024, Format::f16)},
              ops::Linear{y, tape.outputs[0], tape.weight("back", 1024, 8192, Format::f16)}};
  return tape;
}

TEST(VulkanPlan, AReproducibleRowHasOneKernelInAnyCompany) {
  PhysicalDevice device;
  device.max_workgroup = 1024;
  device.max_groups = 65535;
  for (const bool units : {false, true}) {
    if (units) device.matrix_tile = MatrixTile{16, 16, 16};
    const ops::Tape tape = tape_of_linears(units);
    std::map<uint32_t, std::set<Kernel>> decoding;  // by op, but for how many rows a workgroup takes
    for (const uint32_t rows : {1u, 3u, 8u, 9u, 16u, 40u, 300u})
      for (const uint32_t decodes : {0u, 1u, rows / 2, rows}) {
        const ops::BatchShape shape{rows, rows, 0, decodes, decodes < rows};
        const Addresses nowhere{0, 0, 0, [](ops::WeightId) { return uint64_t{0}; }};
        uint32_t of_decodes = 0, of_prompts = 0;
        for (const Launch& launch :
             make_plan(tape, ops::plan_arena(tape, shape), shape, nowhere, device).launches) {
          shared::LinearPush push;
          std::memcpy(&push, launch.push.data(), sizeof push);
          Kernel kernel = launch.kernel;
          SCOPED_TRACE(fmt::format("{}, {} rows of which {} decode", kernel.name, rows, decodes));
          if (push.rows == shared::ROWS_DECODE) {
            ++of_decodes;
            ASSERT_TRUE(kernel.name.starts_with("linear_vec_"));
            kernel.constants[2] = 0;
            for (uint32_t op = 0; op < launch.group.ops; ++op)
              decoding[launch.group.first_op + op].insert(kernel);
          } else {
            ++of_prompts;
            ASSERT_EQ(push.rows, shared::ROWS_PROMPTS);
            ASSERT_TRUE(kernel.name.starts_with(units ? "linear_coop_" : "linear_mat_"));
            if (units) {
              EXPECT_EQ(kernel.constants[7], 1u) << "subgroups share a sum";
            }
          }
        }
        EXPECT_EQ(of_decodes > 0, decodes > 0);
        EXPECT_EQ(of_prompts > 0, decodes < rows);
      }
    EXPECT_EQ(decoding.size(), tape.ops.size());
    for (const auto& [op, kernels] : decoding) EXPECT_EQ(kernels.size(), 1u) << "op " << op;
  }
}

// A launch costs a few microseconds, and a barrier lets the GPU run dry: at one row both count.
TEST(VulkanPlan, ALayerOfV7IsEightLaunchesAtOneRow) {
  for (const uint32_t layers : {1u, 3u}) {
    rwkv::Config config;
    config.version = rwkv::Version::v7;
    config.L = layers;
    config.C = config.A = 768;
    config.V = 65536;
    config.F = 3072;
    config.H = 12;
    config.N = config.Dw = config.Da = 64;
    config.Dv = 32;
    config.Dg = 128;
    const ops::Tape tape = rwkv::build(config, {0, layers}, [](const std::string&, uint32_t, uint32_t) {
      return Format::f16;
    });
    PhysicalDevice device;
    device.subgroup_size = 32;
    device.max_workgroup = 1024;
    const ops::BatchShape shape{1, 1, 1};
    const Addresses nowhere{0, 0, 0, [](ops::WeightId) { return uint64_t{0}; }};
    const Plan plan = make_plan(tape, ops::plan_arena(tape, shape), shape, nowhere, device);
    std::string list;
    for (const Launch& launch : plan.launches)
      list += fmt::format("{} of {}\n", launch.kernel.name, launch.group.ops);
    EXPECT_EQ(plan.launches.size(), 8 * layers + 3) << list;
    EXPECT_EQ(plan.bound, Bound::bytes);
    const ops::BatchShape prompt{256, 1, 1};
    EXPECT_EQ(make_plan(tape, ops::plan_arena(tape, prompt), prompt, nowhere, device).bound, Bound::arithmetic);
  }
}

// The exponential takes ln 2 in two parts, which a compiler joins where they are not decorated: that costs
// every decay its last six bits.
TEST(VulkanShaders, TheExponentialsPartsStayApart) {
  constexpr uint32_t decorate = 71, no_contraction = 42;
  for (const shaders::Shader& shader : shaders::all()) {
    if (shader.name != "mix4" && shader.name != "experts" && !shader.name.starts_with("linear_")) continue;
    uint32_t found = 0;
    for (size_t at = 5; at < shader.words.size(); at += std::max(shader.words[at] >> 16, 1u))
      if ((shader.words[at] & 0xffff) == decorate && shader.words[at + 2] == no_contraction) ++found;
    EXPECT_GE(found, 4u) << shader.name << ": two products, a difference and a sum";
  }
}

}  // namespace
}  // namespace fulmar::vulkan
#endif
