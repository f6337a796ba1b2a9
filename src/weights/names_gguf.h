// What llama.cpp's architectures rwkv6 and rwkv7 call RWKV's tensors, for the reader and the writer of GGUF.
#pragma once
#include <string_view>

namespace fulmar::gguf {

struct Leaf {
  std::string_view theirs, ours;
};
inline constexpr Leaf globals[] = {
    {"token_embd.weight", "emb.weight"},           {"token_embd_norm.weight", "blocks.0.ln0.weight"},
    {"token_embd_norm.bias", "blocks.0.ln0.bias"}, {"output_norm.weight", "ln_out.weight"},
    {"output_norm.bias", "ln_out.bias"},           {"output.weight", "head.weight"}};
// Same layout, other name.
inline constexpr Leaf plain[] = {{"attn_norm.weight", "ln1.weight"},
                                 {"attn_norm.bias", "ln1.bias"},
                                 {"attn_norm_2.weight", "ln2.weight"},
                                 {"attn_norm_2.bias", "ln2.bias"},
                                 {"time_mix_ln.weight", "att.ln_x.weight"},
                                 {"time_mix_ln.bias", "att.ln_x.bias"},
                                 {"time_mix_receptance.weight", "att.receptance.weight"},
                                 {"time_mix_key.weight", "att.key.weight"},
                                 {"time_mix_value.weight", "att.value.weight"},
                                 {"time_mix_gate.weight", "att.gate.weight"},
                                 {"channel_mix_key.weight", "ffn.key.weight"},
                                 {"channel_mix_receptance.weight", "ffn.receptance.weight"}};
inline constexpr Leaf outputs[] = {{"time_mix_output.weight", "att.output.weight"},
                                   {"channel_mix_value.weight", "ffn.value.weight"}};
inline constexpr Leaf mixes6[] = {
    {"time_mix_lerp_x.weight", "att.time_maa_x"},   {"time_mix_lerp_w.weight", "att.time_maa_w"},
    {"time_mix_lerp_k.weight", "att.time_maa_k"},   {"time_mix_lerp_v.weight", "att.time_maa_v"},
    {"time_mix_lerp_r.weight", "att.time_maa_r"},   {"time_mix_lerp_g.weight", "att.time_maa_g"},
    {"time_mix_decay.weight", "att.time_decay"},    {"channel_mix_lerp_k.weight", "ffn.time_maa_k"},
    {"channel_mix_lerp_r.weight", "ffn.time_maa_r"}};
inline constexpr Leaf turned6[] = {{"time_mix_w1.weight", "att.time_maa_w1"},
                                   {"time_mix_w2.weight", "att.time_maa_w2"},
                                   {"time_mix_decay_w1.weight", "att.time_decay_w1"},
                                   {"time_mix_decay_w2.weight", "att.time_decay_w2"}};
inline constexpr Leaf mixes7[] = {
    {"time_mix_w0.weight", "att.w0"},   {"time_mix_a0.weight", "att.a0"},
    {"time_mix_v0.weight", "att.v0"},   {"time_mix_k_k.weight", "att.k_k"},
    {"time_mix_k_a.weight", "att.k_a"}, {"channel_mix_lerp_k.weight", "ffn.x_k"}};
inline constexpr Leaf turned7[] = {{"time_mix_w1.weight", "att.w1"}, {"time_mix_w2.weight", "att.w2"},
                                   {"time_mix_a1.weight", "att.a1"}, {"time_mix_a2.weight", "att.a2"},
                                   {"time_mix_v1.weight", "att.v1"}, {"time_mix_v2.weight", "att.v2"},
                                   {"time_mix_g1.weight", "att.g1"}, {"time_mix_g2.weight", "att.g2"}};

// A vector for each head.
inline constexpr Leaf per_head6 = {"time_mix_first.weight", "att.time_faaaa"},
                      per_head7 = {"time_mix_r_k.weight", "att.r_k"};
// The mixes of the time mix lie in one tensor, in this order.
inline constexpr std::string_view fused_shifts = "time_mix_lerp_fused.weight";
inline constexpr std::string_view shifts6 = "wkvrg", shifts7 = "rwkvag";
inline constexpr std::string_view shift_prefix6 = "att.time_maa_", shift_prefix7 = "att.x_";

}  // namespace fulmar::gguf
