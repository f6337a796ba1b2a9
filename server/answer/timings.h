// What a request took, in the numbers that clients of llama.cpp read.
#pragma once
#include <boost/json/object.hpp>

#include "answer/dialect.h"
#include "answer/shape.h"

namespace fulmar::api {

// "timings": how many tokens were read and made, in how many milliseconds.
boost::json::object timings_of(const Usage& usage);
extern const Shape timings_shape;

// "prompt_progress": how far the prompt of `total` tokens was read.
boost::json::object progress_of(const Usage& usage, uint64_t total);

}  // namespace fulmar::api
